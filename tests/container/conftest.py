"""Small real models, and servers to send requests to: the application in this process, and `serve` over HTTP."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.container.clients import Client, HttpClient, InProcessClient

with warnings.catch_warnings():
    # mxnet 1.9.1 reads numpy.bool while it is imported, which numpy 1.23 warns of.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet


def pytest_configure(config: pytest.Config) -> None:
    # mxnet 1.9.1's nd.array looks at scipy.sparse.csr, a name that scipy deprecated.
    config.addinivalue_line("filterwarnings", "ignore:Please import `csr_matrix`:DeprecationWarning")


@pytest.fixture(scope="session")
def mx():
    return mxnet


def save_checkpoint(directory: Path, symbol, shape: tuple[int, ...], seed: int = 1, name: str = "net") -> Path:
    """Save a network with random weights as an artifact's folder."""
    random = np.random.RandomState(seed)
    directory.mkdir(parents=True)
    argument_shapes, _, auxiliary_shapes = symbol.infer_shape(data=shape)
    parameters = {}
    for argument, size in zip(symbol.list_arguments(), argument_shapes, strict=True):
        if argument != "data" and not argument.endswith("label"):
            parameters[f"arg:{argument}"] = mxnet.nd.array(random.normal(0, 0.3, size).astype(np.float32))
    for auxiliary, size in zip(symbol.list_auxiliary_states(), auxiliary_shapes, strict=True):
        parameters[f"aux:{auxiliary}"] = mxnet.nd.array(random.uniform(0.5, 1.5, size).astype(np.float32))
    symbol.save(str(directory / f"{name}-symbol.json"))
    mxnet.nd.save(str(directory / f"{name}-0000.params"), parameters)
    shapes = ", ".join(map(str, shape))
    (directory / f"{name}-shapes.json").write_text(f'[{{"name": "data", "shape": [{shapes}]}}]')
    return directory


def dense_network():
    hidden = mxnet.sym.FullyConnected(mxnet.sym.var("data"), num_hidden=8, name="hidden")
    output = mxnet.sym.FullyConnected(mxnet.sym.Activation(hidden, act_type="relu"), num_hidden=3, name="output")
    return mxnet.sym.SoftmaxOutput(output, name="softmax")


def image_network():
    layer = mxnet.sym.Convolution(mxnet.sym.var("data"), kernel=(3, 3), num_filter=8, name="conv")
    layer = mxnet.sym.Activation(mxnet.sym.BatchNorm(layer, name="norm", fix_gamma=False), act_type="relu")
    layer = mxnet.sym.Pooling(layer, global_pool=True, pool_type="avg", kernel=(1, 1))
    return mxnet.sym.FullyConnected(mxnet.sym.flatten(layer), num_hidden=10, name="output")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Artifacts by name: `dense` takes 4 numbers and gives 3 scores, `image` takes 3x32x32 and has labels,
    `pair` is bound for two instances."""
    root = tmp_path_factory.mktemp("models")
    made = {
        "dense": save_checkpoint(root / "dense", dense_network(), (1, 4)),
        "image": save_checkpoint(root / "image", image_network(), (1, 3, 32, 32)),
        "pair": save_checkpoint(root / "pair", dense_network(), (2, 4), seed=3),
    }
    (made["image"] / "synset.txt").write_text("".join(f"n{index:04} label {index}\n" for index in range(10)))
    return made


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    return encoded_image("JPEG")


@pytest.fixture(scope="session")
def png() -> bytes:
    return encoded_image("PNG")


def encoded_image(kind: str, size: tuple[int, int] = (96, 64), mode: str = "RGB") -> bytes:
    """A smooth picture with a different gradient in each channel, so that swapped channels or axes show."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    channels = [200 * x + 20, 180 * y + 30, 120 * (x * y) + 10]
    image = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@contextmanager
def serving(kind: type[Client], **environment: str) -> Iterator[Client]:
    client = kind(environment)
    try:
        client.wait_until_ready()
        yield client
    finally:
        client.close()


@pytest.fixture(scope="session", params=[InProcessClient, HttpClient], ids=["in-process", "http"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A running server with two workers; the same tests run against the application and over HTTP."""
    with serving(request.param, MODEL_SERVER_WORKERS="2") as client:
        yield client


@pytest.fixture(scope="session")
def http_client() -> Iterator[HttpClient]:
    with serving(HttpClient, MODEL_SERVER_WORKERS="2") as client:
        assert isinstance(client, HttpClient)
        yield client
