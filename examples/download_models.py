"""`python3 -m examples.download_models`: SqueezeNet v1.1 and ResNet-18 from the MXNet model zoo, into the catalog.

The weights are Gluon's pretrained ones, verified against the sha1 that MXNet itself publishes for them; the networks
are those of `mxnet.gluon.model_zoo`. Exit code 3 means that no source could be reached.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import mxnet as mx
import typer
from mxnet.gluon.model_zoo import model_store, vision
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from examples.downloads import DownloadError, Retries, VerificationError, download
from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError

EXIT_OUT_OF_REACH = 3
_CLASSES = 1000
_INPUT_SHAPE = (1, 3, 224, 224)
_SYNSET_LINE = re.compile(r"n[0-9]{8} .+")
_MIRROR_VARIABLE = "MXNET_GLUON_REPO"
# The same bucket: through its accelerated name, which is MXNet's own default, and through the plain one.
_REPOSITORIES = (model_store.apache_repo_url, "https://apache-mxnet.s3.amazonaws.com/")
_SYNSET_URLS = (
    "http://data.mxnet.io/models/imagenet/synset.txt",
    "http://data.mxnet.io.s3-website-us-west-1.amazonaws.com/models/imagenet/synset.txt",
    "https://s3.amazonaws.com/model-server/model_archive_1.0/examples/squeezenet_v1.1/synset.txt",
)
# https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/gluon/model_zoo/index.html
_PREPROCESSING = {
    "layout": "NCHW",
    "color": "RGB",
    "resize_shorter": 256,
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


@dataclass(frozen=True)
class ZooModel:
    """A pretrained model of the zoo.

    Attributes:
        zoo_name: its name there.
        network: makes the network, without weights.
        sha1: of the `.params` file, as MXNet's `model_store` publishes it.
    """

    zoo_name: str
    network: Callable[..., mx.gluon.HybridBlock]
    sha1: str

    @property
    def file_name(self) -> str:
        """What the weights are called in the zoo, without the ending."""
        return f"{self.zoo_name}-{self.sha1[:8]}"


MODELS = {
    "squeezenet": ZooModel("squeezenet1.1", vision.squeezenet1_1, "33ba0f93753c83d86e1eb397f38a667eaf2e9376"),
    "resnet-18": ZooModel("resnet18_v1", vision.resnet18_v1, "a0666292f0a30ff61f857b0b66efc0228eb6a54b"),
}


class Downloader:
    """Fetches models and labels into one folder.

    Args:
        folder: where downloads and the checkpoints made of them go.
        mirror: the URL of a repository to use instead of the public ones: weights under `gluon/models/`, labels
            under `models/imagenet/synset.txt`.
    """

    def __init__(self, folder: Path, mirror: str | None, console: Console, retries: Retries = Retries()) -> None:  # noqa: B008
        self._folder = folder
        self._console = console
        self._retries = retries
        self._repositories = _REPOSITORIES if mirror is None else (mirror.rstrip("/") + "/",)
        self._synset_urls = (
            _SYNSET_URLS if mirror is None else (f"{self._repositories[0]}models/imagenet/synset.txt", *_SYNSET_URLS)
        )

    def synset(self) -> Path:
        """The labels of ImageNet's 1,000 classes, one a line. Nobody publishes a checksum of this file, so that its
        form is verified: 1,000 lines that each begin with a WordNet id."""
        destination = self._folder / "downloads" / "synset.txt"
        self._download(self._synset_urls, destination, verify_synset)
        return destination

    def checkpoint(self, name: str, model: ZooModel, synset: Path) -> Path:
        """The folder of a checkpoint made of the zoo's weights."""
        archive = self._folder / "downloads" / f"{model.file_name}.zip"
        urls = tuple(f"{repository}gluon/models/{archive.name}" for repository in self._repositories)
        self._download(urls, archive, lambda path: _verify_weights(path, model))
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        weights = folder / "weights"
        weights.write_bytes(_read_weights(archive, model))
        export(model, weights, folder, name)
        weights.unlink()
        shutil.copyfile(synset, folder / "synset.txt")
        return folder

    def _download(self, urls: tuple[str, ...], destination: Path, verify: Callable[[Path], None]) -> None:
        if not self._console.is_terminal:
            print(f"{destination.name}: downloading", flush=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(
            *columns,
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as progress:
            task = progress.add_task(destination.name, total=None)
            download(
                urls,
                destination,
                verify,
                lambda done_bytes, total_bytes: progress.update(task, completed=done_bytes, total=total_bytes),
                self._retries,
            )
        print(f"{destination.name}: downloaded and verified, {destination.stat().st_size} bytes", flush=True)


def export(model: ZooModel, weights: Path, folder: Path, name: str) -> None:
    """Write the checkpoint NAME of a zoo model: symbol, weights, shapes and signature."""
    network = model.network(prefix=f"{name.replace('-', '_')}_")
    network.load_parameters(str(weights))
    network.hybridize()
    network(mx.nd.zeros(_INPUT_SHAPE))
    network.export(str(folder / name))
    _write_json(folder / f"{name}-shapes.json", [{"name": "data", "shape": list(_INPUT_SHAPE)}])
    _write_json(folder / "signature.json", {"image": _PREPROCESSING})


def verify_synset(path: Path) -> None:
    """Raises VerificationError unless the file lists the labels of ImageNet's classes."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise VerificationError("it is not text") from error
    if len(lines) != _CLASSES or not all(_SYNSET_LINE.fullmatch(line) for line in lines):
        raise VerificationError(f"it is not a list of {_CLASSES} labels such as 'n02123159 tiger cat'")


def _read_weights(archive: Path, model: ZooModel) -> bytes:
    try:
        with zipfile.ZipFile(archive) as file:
            return file.read(f"{model.file_name}.params")
    except (zipfile.BadZipFile, KeyError) as error:
        raise VerificationError(f"it is no archive that holds {model.file_name}.params") from error


def _verify_weights(archive: Path, model: ZooModel) -> None:
    found = hashlib.sha1(_read_weights(archive, model), usedforsecurity=False).hexdigest()
    if found != model.sha1:
        raise VerificationError(f"the weights' sha1 is {found}, not {model.sha1}")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def add_models(
    names: list[str], known: Mapping[str, ZooModel], downloader: Downloader, catalog: Catalog, synset: Path | None
) -> None:
    """Download the named models and add them to the catalog.

    Raises:
        DownloadError: a file cannot be had.
        CatalogError: a name is unknown, or a model does not fit into the catalog.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CatalogError(f"no model {', '.join(unknown)} in the zoo's table; there are {', '.join(known)}.")
    if synset is None:
        labels = downloader.synset()
    else:
        labels = synset
        try:
            verify_synset(labels)
        except VerificationError as error:
            raise CatalogError(f"{labels}: {error}.") from error
    for name in names:
        added = catalog.add(name, downloader.checkpoint(name, known[name], labels))
        print(f"{name}: {'added as' if added.is_new else 'unchanged,'} {added.version.key}", flush=True)


def download_models(
    models: Annotated[
        list[str] | None,
        typer.Option(help=f"A model to download; may be given several times. All if not given: {', '.join(MODELS)}."),
    ] = None,
    catalog: Annotated[
        Path, typer.Option(envvar="CATALOG_DIRECTORY", help="The catalog's folder.", file_okay=False)
    ] = Path("models"),
    synset: Annotated[
        Path | None, typer.Option(help="A file with ImageNet's labels, where the zoo's is out of reach.", exists=True)
    ] = None,
) -> None:
    """Download pretrained models from the MXNet model zoo and add them to the catalog."""
    downloader = Downloader(catalog / "sources", os.environ.get(_MIRROR_VARIABLE), Console())
    add_models(models or list(MODELS), MODELS, downloader, Catalog(catalog), synset)


def main() -> int:
    try:
        typer.run(download_models)
    except DownloadError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.out_of_reach:
            print(
                "The MXNet model zoo is out of reach. `python3 -m examples.train_models` trains models on this machine "
                f"instead; or set {_MIRROR_VARIABLE} to a mirror of the zoo.",
                file=sys.stderr,
            )
            return EXIT_OUT_OF_REACH
        return 1
    except CatalogError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
