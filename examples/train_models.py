"""`python3 -m examples.train_models`: trains small real models and adds them to the catalog.

For machines that the MXNet model zoo is out of reach of. Each model must reach its stated accuracy on examples that
it was not trained on; the exported checkpoint itself is measured. The same seed gives the same checkpoint.
"""

import json
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import mxnet as mx
import numpy as np
import typer
from mxnet import autograd, gluon
from rich.console import Console
from rich.progress import Progress

from examples import datasets, networks
from examples.datasets import Dataset
from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError

_SEED = 7
_BATCH_SIZE = 64
_GRAY_IMAGE = {"layout": "NCHW", "color": "GRAY", "resize_shorter": None, "scale": 1 / 255, "mean": [0.0], "std": [1.0]}


class TrainingError(Exception):
    """A model did not become what it must be, or no such model is known."""


@dataclass(frozen=True)
class Recipe:
    """How to train one model, and how good it must become."""

    dataset: Callable[[], Dataset]
    network: Callable[[str, Dataset], gluon.HybridBlock]
    epochs: int
    learning_rate: float
    required_accuracy: float
    """Share of the held-out examples that the exported checkpoint must get right."""
    standardises: bool = False
    """Whether each column of the inputs is brought to mean 0 and deviation 1 for the training."""


RECIPES = {
    "digits-mlp": Recipe(datasets.digits, lambda prefix, _: networks.digits_mlp(prefix), 25, 0.003, 0.95),
    "digits-cnn": Recipe(datasets.digits, lambda prefix, _: networks.digits_cnn(prefix), 15, 0.01, 0.97),
    "breast-cancer": Recipe(
        datasets.breast_cancer,
        lambda prefix, data: networks.measurements_mlp(prefix, len(data.labels)),
        30,
        0.003,
        0.95,
        standardises=True,
    ),
}


@dataclass(frozen=True)
class TrainedModel:
    """A checkpoint on disk, with what was measured on it."""

    name: str
    directory: Path
    accuracy: float
    """On the held-out examples."""
    seconds: float
    samples: dict[Path, str]
    """Inputs to try it with: the true label of each file."""


def train_model(
    name: str, checkpoints: Path, samples: Path, on_epoch: Callable[[int, int], None] = lambda done, total: None
) -> TrainedModel:
    """Train one of the RECIPES and export it to `checkpoints/NAME`.

    Args:
        name: the recipe's name, and the checkpoint's.
        checkpoints: the folder of the checkpoints.
        samples: sample inputs of the data set go to a folder of its name in there.
        on_epoch: called after each epoch with the number of epochs done and their total.

    Raises:
        TrainingError: there is no such recipe, or the model missed its required accuracy.
    """
    if name not in RECIPES:
        raise TrainingError(f"no model {name!r}; there are {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    started = time.monotonic()
    data = recipe.dataset()
    network = recipe.network(f"{name.replace('-', '_')}_", data)
    inputs = data.training_inputs
    if recipe.standardises:
        mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
        _fit(network, (inputs - mean) / deviation, data.training_classes, recipe, on_epoch)
        networks.take_raw_inputs(network, mean, deviation)
    else:
        _fit(network, inputs, data.training_classes, recipe, on_epoch)
    directory = checkpoints / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    _export(network, data, directory, name)
    accuracy = _accuracy(directory, name, data)
    if accuracy < recipe.required_accuracy:
        raise TrainingError(
            f"{name} got {accuracy:.4f} of the held-out examples right, but must reach {recipe.required_accuracy}; "
            f"its checkpoint is in {directory} and was not added to the catalog."
        )
    return TrainedModel(name, directory, accuracy, time.monotonic() - started, data.write_samples(samples / data.name))


def predict(directory: Path, name: str, inputs: np.ndarray) -> np.ndarray:
    """What MXNet itself answers for an exported checkpoint: (N, classes) probabilities, float32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SymbolBlock warns of the input's unknown shape
        network = gluon.SymbolBlock.imports(
            str(directory / f"{name}-symbol.json"), ["data"], str(directory / f"{name}-0000.params")
        )
    return network(mx.nd.array(inputs)).asnumpy()


def _fit(
    network: gluon.HybridBlock,
    inputs: np.ndarray,
    classes: np.ndarray,
    recipe: Recipe,
    on_epoch: Callable[[int, int], None],
) -> None:
    mx.random.seed(_SEED)
    np.random.seed(_SEED)
    order = np.random.default_rng(_SEED)
    network.initialize(mx.init.Xavier())
    network.hybridize(static_alloc=True)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(network.collect_params(), "adam", {"learning_rate": recipe.learning_rate, "wd": 1e-4})
    count = len(inputs)
    for epoch in range(recipe.epochs):
        shuffled = order.permutation(count)
        for first in range(0, count, _BATCH_SIZE):
            chosen = shuffled[first : first + _BATCH_SIZE]
            with autograd.record():
                scores = network(mx.nd.array(inputs[chosen]))
                loss = loss_of(scores, mx.nd.array(classes[chosen]))
            loss.backward()
            trainer.step(len(chosen))
        mx.nd.waitall()
        on_epoch(epoch + 1, recipe.epochs)


def _export(network: gluon.HybridBlock, data: Dataset, directory: Path, name: str) -> None:
    item_shape = data.training_inputs.shape[1:]
    exported = networks.Probabilities(network)
    exported.hybridize()
    exported(mx.nd.array(data.held_out_inputs[:1]))
    exported.export(str(directory / name))
    _write_json(directory / f"{name}-shapes.json", [{"name": "data", "shape": [1, *item_shape]}])
    (directory / "synset.txt").write_text("".join(f"{label}\n" for label in data.labels), encoding="utf-8")
    if len(item_shape) == 3:
        _write_json(directory / "signature.json", {"image": _GRAY_IMAGE})


def _accuracy(directory: Path, name: str, data: Dataset) -> float:
    predicted = predict(directory, name, data.held_out_inputs).argmax(axis=1)
    return float((predicted == data.held_out_classes).mean())


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def train(
    models: Annotated[
        list[str] | None,
        typer.Option(help=f"A model to train; may be given several times. All if not given: {', '.join(RECIPES)}."),
    ] = None,
    catalog: Annotated[
        Path, typer.Option(envvar="CATALOG_DIRECTORY", help="The catalog's folder.", file_okay=False)
    ] = Path("models"),
    sources: Annotated[
        Path | None,
        typer.Option(help="Where checkpoints go, and samples/ with inputs to try; CATALOG/sources if not given."),
    ] = None,
) -> None:
    """Train small real models on data sets that scikit-learn ships, and add them to the catalog."""
    sources = catalog / "sources" if sources is None else sources
    console = Console()
    for name in models or RECIPES:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(name, total=None)
            trained = train_model(
                name,
                sources,
                sources / "samples",
                lambda done, total, task=task, progress=progress: progress.update(task, completed=done, total=total),
            )
        added = Catalog(catalog).add(name, trained.directory)
        print(
            f"{name}: {trained.accuracy:.4f} of the held-out examples right "
            f"(at least {RECIPES[name].required_accuracy} required), {trained.seconds:.1f} s; "
            f"{'added as' if added.is_new else 'unchanged,'} {added.version.key}",
            flush=True,
        )
    print(f"Inputs to try the models with, and their true labels: {sources / 'samples'}")


def main() -> int:
    try:
        typer.run(train)
    except (TrainingError, CatalogError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
