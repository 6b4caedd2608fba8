"""Small real models, and servers to send requests to: the application in this process, and `serve` over HTTP."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.container.clients import FORMS_FOLDER, Client, HttpClient, InProcessClient
from tests.support.checkpoints import dense_network, image_network, mxnet, save_checkpoint


def pytest_configure(config: pytest.Config) -> None:
    # mxnet 1.9.1's nd.array looks at scipy.sparse.csr, a name that scipy deprecated.
    config.addinivalue_line("filterwarnings", "ignore:Please import `csr_matrix`:DeprecationWarning")


@pytest.fixture(scope="session", autouse=True)
def _forms_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Optimised forms that the tests' servers make end with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORMS_FOLDER, str(tmp_path_factory.mktemp("forms") / "forms"))
        yield


@pytest.fixture(scope="session")
def mx():
    return mxnet


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
