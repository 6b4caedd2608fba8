import hashlib
import io
import sys
import warnings
import zipfile
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon.model_zoo import model_store
from rich.console import Console

from container.model_server.artifact.contents import read_artifact
from examples import download_models
from examples.download_models import MODELS, Downloader, ZooModel, add_models, main, verify_synset
from examples.downloads import DownloadError, Retries, VerificationError
from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError
from tests.examples.conftest import Answer, Request, WebServer, serve_file

# MXNet 1.9.1 asks SciPy for csr_matrix at its old place whenever it reads an array.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")

SYNSET = "".join(f"n{number:08d} label {number}\n" for number in range(1000)).encode()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> tuple[ZooModel, bytes, np.ndarray]:
    """A SqueezeNet v1.1 with weights of this test's own, its archive as the zoo packs it, and what it answers."""
    folder = tmp_path_factory.mktemp("zoo")
    mx.random.seed(1)
    network = MODELS["squeezenet"].network()
    network.initialize(mx.init.Xavier())
    outputs = network(_image()).asnumpy()
    network.save_parameters(str(folder / "weights"))
    weights = (folder / "weights").read_bytes()
    sha1 = hashlib.sha1(weights, usedforsecurity=False).hexdigest()
    model = ZooModel("squeezenet1.1", MODELS["squeezenet"].network, sha1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{model.file_name}.params", weights)
    return model, buffer.getvalue(), outputs


def _image() -> mx.nd.NDArray:
    return mx.nd.array(np.random.default_rng(1).random((1, 3, 224, 224), dtype=np.float32))


def mirror(web: WebServer, archive: bytes) -> None:
    def answer(request: Request) -> Answer:
        if request.path.endswith("/models/imagenet/synset.txt"):
            return Answer(SYNSET)
        if request.path.startswith("/zoo/gluon/models/squeezenet1.1-"):
            return serve_file(archive, request, limit_bytes=2_097_152)
        return Answer(status=404)

    web.answer = answer


@pytest.fixture
def downloader(web: WebServer, tmp_path: Path) -> Downloader:
    retries = Retries(attempts=2, first_pause_seconds=0.0)
    return Downloader(tmp_path / "sources", f"{web.url}/zoo", Console(quiet=True), retries)


def test_the_table_names_the_checksums_that_mxnet_publishes() -> None:
    assert {name: model.sha1[:8] for name, model in MODELS.items()} == {
        "squeezenet": model_store.short_hash("squeezenet1.1"),
        "resnet-18": model_store.short_hash("resnet18_v1"),
    }
    assert all(len(model.sha1) == 40 for model in MODELS.values())


def test_a_model_is_fetched_verified_and_added(
    web: WebServer, downloader: Downloader, zoo: tuple[ZooModel, bytes, np.ndarray], tmp_path: Path
) -> None:
    model, archive, outputs = zoo
    mirror(web, archive)
    catalog = Catalog(tmp_path / "catalog")
    add_models(["net"], {"net": model}, downloader, catalog, None)
    resumed = [request.headers["range"] for request in web.requests if "range" in request.headers]
    assert resumed == ["bytes=2097152-", "bytes=4194304-"]
    folder = tmp_path / "sources" / "net"
    artifact = read_artifact(folder)
    assert artifact.engine == "mxnet"
    assert artifact.labels is not None
    assert len(artifact.labels) == 1000
    assert [spec.shape for spec in artifact.inputs] == [(1, 3, 224, 224)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SymbolBlock warns of the input's unknown shape
        exported = mx.gluon.SymbolBlock.imports(
            str(folder / "net-symbol.json"), ["data"], str(folder / "net-0000.params")
        )
    np.testing.assert_allclose(exported(_image()).asnumpy(), outputs, atol=1e-5)
    version = catalog.lock.models["net"].current

    requests = len(web.requests)
    add_models(["net"], {"net": model}, downloader, catalog, None)
    assert len(web.requests) == requests
    assert catalog.lock.models["net"].versions == (version,)


def test_weights_with_another_checksum_are_not_added(
    web: WebServer, downloader: Downloader, zoo: tuple[ZooModel, bytes, np.ndarray], tmp_path: Path
) -> None:
    model, _, _ = zoo
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{model.file_name}.params", b"other weights")
    mirror(web, buffer.getvalue())
    with pytest.raises(DownloadError, match=f"the weights' sha1 is [0-9a-f]+, not {model.sha1}") as caught:
        add_models(["net"], {"net": model}, downloader, Catalog(tmp_path / "catalog"), None)
    assert not caught.value.out_of_reach
    assert not (tmp_path / "catalog").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", SYNSET[:-30], SYNSET.replace(b"n00000007 ", b"")])
def test_a_page_that_is_no_list_of_labels_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "synset.txt").write_bytes(content)
    with pytest.raises(VerificationError):
        verify_synset(tmp_path / "synset.txt")


def test_a_given_file_of_labels_is_checked_too(downloader: Downloader, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("cat\n")
    with pytest.raises(CatalogError, match="labels: it is not a list of 1000 labels"):
        add_models(["squeezenet"], MODELS, downloader, Catalog(tmp_path / "catalog"), tmp_path / "labels")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["download_models", *arguments])
    try:
        return main()
    except SystemExit as error:
        return int(error.code or 0)


def test_an_unknown_model_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "--catalog", str(tmp_path), "--models", "vgg") == 1
    assert capsys.readouterr().err == "error: no model vgg in the zoo's table; there are squeezenet, resnet-18.\n"


def test_out_of_reach_has_its_own_exit_code_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MXNET_GLUON_REPO", "http://127.0.0.1:1")
    monkeypatch.setattr(download_models, "_SYNSET_URLS", ())
    monkeypatch.setattr(
        download_models, "Downloader", lambda *arguments: Downloader(*arguments, Retries(1, first_pause_seconds=0.0))
    )
    assert run(monkeypatch, "--catalog", str(tmp_path)) == download_models.EXIT_OUT_OF_REACH == 3
    errors = capsys.readouterr().err
    assert "synset.txt cannot be downloaded" in errors
    assert "`python3 -m examples.train_models` trains models on this machine instead" in errors
    assert "set MXNET_GLUON_REPO to a mirror" in errors
