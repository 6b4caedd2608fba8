"""The models that the demo hosts, trained on this machine."""

from __future__ import annotations

import json
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
    index = directory / _INDEX_FILE
    if index.is_file():
        report(f"trained by an earlier run: {', '.join(RECIPES)}")
        return [
            ExampleModel(entry["name"], directory / entry["name"], directory / entry["sample"], entry["expected_label"])
            for entry in json.loads(index.read_text())
        ]
    models = []
    for name in RECIPES:
        trained = train_model(name, directory, directory / "samples")
        report(f"{name}: {trained.accuracy:.4f} of the held-out examples right, {trained.seconds:.1f} s")
        sample, label = next(iter(trained.samples.items()))
        models.append(ExampleModel(name, trained.directory, sample, label))
    index.write_text(
        json.dumps(
            [
                {
                    "name": model.name,
                    "sample": str(model.sample.relative_to(directory)),
                    "expected_label": model.expected_label,
                }
                for model in models
            ],
            indent=2,
        )
    )
    return models
