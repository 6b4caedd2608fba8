"""Real data sets that scikit-learn ships, split for training, and samples of them to send to an endpoint."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

_HELD_OUT_SHARE = 0.2
_SPLIT_SEED = 0
LABELS_FILE = "labels.json"


@dataclass(frozen=True)
class Dataset:
    """Inputs as the network takes them (float32, first dimension counts examples), with the classes they belong to."""

    name: str
    training_inputs: np.ndarray
    training_classes: np.ndarray
    held_out_inputs: np.ndarray
    held_out_classes: np.ndarray
    labels: tuple[str, ...]
    """The name of each class, in order."""

    def write_samples(self, folder: Path) -> dict[Path, str]:
        """Write the first held-out example of each class as a file that `invoke_endpoint` takes.

        Images become PNG files, rows of numbers JSON; `labels.json` beside them holds the true label of each file.
        Returns the same: the true label by the file's path.
        """
        folder.mkdir(parents=True, exist_ok=True)
        samples: dict[Path, str] = {}
        for index, label in enumerate(self.labels):
            example = self.held_out_inputs[int(np.argmax(self.held_out_classes == index))]
            if example.ndim == 3:
                path = folder / f"{label}.png"
                Image.fromarray(_pixels(example[0] * 255)).save(path)
            else:
                path = folder / f"{label}.json"
                path.write_text(json.dumps({"instances": [example.tolist()]}) + "\n", encoding="utf-8")
            samples[path] = label
        labels = {path.name: label for path, label in samples.items()}
        (folder / LABELS_FILE).write_text(json.dumps(labels, indent=2) + "\n", encoding="utf-8")
        return samples


def digits() -> Dataset:
    """1,797 handwritten digits, 1 x 8 x 8 pixels from 0 to 1.

    https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits
    """
    bunch = load_digits()
    # Rounded to the 256 levels of a PNG, so that a sample's file is exactly what the network was measured on.
    inputs = _pixels(bunch.images * (255 / 16)).astype(np.float32)[:, np.newaxis] / np.float32(255)
    return _split("digits", inputs, bunch.target, tuple(str(digit) for digit in range(10)))


def breast_cancer() -> Dataset:
    """569 tumours, 30 measurements each in their own units, malignant or benign.

    https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic
    """
    bunch = load_breast_cancer()
    labels = tuple(str(name) for name in bunch.target_names)
    return _split("breast-cancer", bunch.data.astype(np.float32), bunch.target, labels)


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.rint(values).astype(np.uint8)


def _split(name: str, inputs: np.ndarray, classes: np.ndarray, labels: tuple[str, ...]) -> Dataset:
    training_inputs, held_out_inputs, training_classes, held_out_classes = train_test_split(
        inputs, classes, test_size=_HELD_OUT_SHARE, random_state=_SPLIT_SEED, stratify=classes
    )
    return Dataset(name, training_inputs, training_classes, held_out_inputs, held_out_classes, labels)
