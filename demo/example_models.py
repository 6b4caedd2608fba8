"""The models that the demo hosts, trained on this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from examples.train_models import RECIPES, train_model

_INDEX_FILE = "models.json"


@dataclass(frozen=True)
class ExampleModel:
    """A checkpoint that the demo hosts, with an input whose answer is known.

    Attributes:
        name: the model's name in the catalog.
        directory: the folder of the checkpoint.
        sample: an input file, e.g. a PNG of a digit.
        expected_label: the true label of the sample.
    """

    name: str
    directory: Path
    sample: Path
    expected_label: str


def trained_models(directory: Path, report: Callable[[str], None]) -> list[ExampleModel]:
    """Train the example models below `directory`, or take those that an earlier run left there.

    Args:
        directory: the folder of the checkpoints; kept from run to run.
        report: is given one line a model.
    """
    if (directory / _INDEX_FILE).is_file():
        report(f"trained by an earlier run: {', '.join(RECIPES)}")
        return _read(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: another process may train at the same time, and this one may be killed.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as scratch:
        made = Path(scratch) / directory.name
        _train(made, report)
        try:
            made.rename(directory)
        except OSError:
            if not (directory / _INDEX_FILE).is_file():  # of a run that was killed
                shutil.rmtree(directory)
                made.rename(directory)
    return _read(directory)


def _train(directory: Path, report: Callable[[str], None]) -> None:
    entries = []
    for name in RECIPES:
        trained = train_model(name, directory, directory / "samples")
        report(f"{name}: {trained.accuracy:.4f} of the held-out examples right, {trained.seconds:.1f} s")
        sample, label = next(iter(trained.samples.items()))
        entries.append({"name": name, "sample": str(sample.relative_to(directory)), "expected_label": label})
    (directory / _INDEX_FILE).write_text(json.dumps(entries, indent=2))


def _read(directory: Path) -> list[ExampleModel]:
    return [
        ExampleModel(entry["name"], directory / entry["name"], directory / entry["sample"], entry["expected_label"])
        for entry in json.loads((directory / _INDEX_FILE).read_text())
    ]
