"""A model is run once at its load, unless a model of the same network has shown that it can be run."""

from pathlib import Path

import numpy as np
import pytest

from container.model_server.errors import InvalidArtifact
from container.model_server.settings import read_settings
from container.model_server.worker.engines.base import Asked
from container.model_server.worker.loading import Loader
from container.model_server.worker.process import Worker
from container.model_server.worker.served_model import ServedModel
from tests.container.clients import Client, HttpClient
from tests.container.conftest import npy, serving
from tests.support.checkpoints import dense_network, image_network, mxnet, save_checkpoint

# Once: MXNet counts the names it gives to layers, and a graph of other names is another network.
DENSE = dense_network()
ONE = np.ones((1, 4), np.float32)
ASKED = Asked("application/x-npy", "application/x-npy")


@pytest.fixture
def loader() -> Loader:
    return Loader("inference.py", artifact_code=False, engine_threads=1)


def load(loader: Loader, folder: Path) -> ServedModel:
    model = loader.load(folder)[0]
    assert isinstance(model, ServedModel)
    return model


def test_the_second_model_of_a_network_is_run_by_its_first_request(loader: Loader, tmp_path: Path) -> None:
    first, second = (load(loader, save_checkpoint(tmp_path / str(seed), DENSE, (1, 4), seed)) for seed in (1, 2))
    assert (first.has_run, second.has_run) == (True, False)
    asked = second.invoke(memoryview(npy(ONE)), ASKED, "application/json")
    assert second.has_run
    assert second.invoke(memoryview(npy(ONE)), ASKED, "application/json").body == asked.body


def test_what_is_foreseen_is_what_a_run_gives(loader: Loader, tmp_path: Path) -> None:
    network = image_network()
    _, _, outputs = loader.load(save_checkpoint(tmp_path / "first", network, (1, 3, 32, 32), 1))
    second, _, foreseen = loader.load(save_checkpoint(tmp_path / "second", network, (1, 3, 32, 32), 2))
    assert not second.has_run
    assert {name: (array.shape, array.dtype) for name, array in foreseen.items()} == {
        name: (array.shape, array.dtype) for name, array in outputs.items()
    }


def test_other_inputs_are_another_network(loader: Loader, tmp_path: Path) -> None:
    network = image_network()
    load(loader, save_checkpoint(tmp_path / "small", network, (1, 3, 36, 36)))
    assert load(loader, save_checkpoint(tmp_path / "large", network, (1, 3, 40, 40))).has_run


def test_labels_that_do_not_fit_are_refused_without_a_run(loader: Loader, tmp_path: Path) -> None:
    load(loader, save_checkpoint(tmp_path / "good", DENSE, (1, 4)))
    bad = save_checkpoint(tmp_path / "bad", DENSE, (1, 4))
    (bad / "synset.txt").write_text("only one\n")
    with pytest.raises(InvalidArtifact, match="1 labels"):
        loader.load(bad)


def test_only_the_first_answer_says_what_the_run_took(tmp_path: Path) -> None:
    worker = Worker(read_settings({}))
    for name in ("first", "second"):
        folder = save_checkpoint(tmp_path / name, DENSE, (1, 4))
        header, _ = worker.handle({"operation": "load", "model": name, "url": str(folder)}, bytearray())
        assert header["has_run"] == (name == "first")
    ask = {"operation": "invoke", "request_id": "", "content_type": ASKED.content_type, "accept": ASKED.accept}
    answers = [worker.handle({**ask, "model": name}, bytearray(npy(ONE)))[0] for name in ("first", "second", "second")]
    assert ["taken_bytes" in answer for answer in answers] == [False, True, False]
    assert answers[1]["private_bytes"] > 0


def wide_network() -> mxnet.sym.Symbol:
    """18 MiB of weights, which MXNet arranges for itself in the first run."""
    layer = mxnet.sym.var("data")
    for number in range(2):
        layer = mxnet.sym.Convolution(layer, kernel=(3, 3), pad=(1, 1), num_filter=512, name=f"conv{number}")
    return mxnet.sym.flatten(mxnet.sym.Pooling(layer, global_pool=True, pool_type="avg", kernel=(1, 1)))


def test_a_model_that_has_not_run_counts_with_its_weights(tmp_path: Path) -> None:
    """As mapped before, as private after: no load is let in for memory that a loaded model is about to take."""
    shape = (1, 512, 4, 4)
    names = ("first", "second", "third")
    network = wide_network()
    for seed, name in enumerate(names):
        save_checkpoint(tmp_path / name, network, shape, seed)
    with serving(HttpClient, MODEL_SERVER_WORKERS="1") as client:
        for name in names:
            assert client.load(name, tmp_path / name).status == 200
        loaded = taken(client, names)
        assert 17 < loaded["second"] < 21 and 17 < loaded["third"] < 21
        assert client.invoke("second", npy(np.ones(shape, np.float32)), "application/x-npy").status == 200
        assert taken(client, names) == pytest.approx(loaded, abs=2)


def taken(client: Client, names: tuple[str, ...]) -> dict[str, float]:
    told = client.metrics()
    return {name: told[f'model_server_model_memory_bytes{{model="{name}"}}'] / 2**20 for name in names}
