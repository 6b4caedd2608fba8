"""Training once, however many ask for the models, and however often."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import example_models
from demo.example_models import trained_models


@dataclass(frozen=True)
class Trained:
    accuracy: float
    seconds: float
    samples: dict[Path, str]


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were trained; a training is the writing of a file."""
    trained: list[str] = []

    def train(name: str, checkpoints: Path, samples: Path) -> Trained:
        trained.append(name)
        (checkpoints / name).mkdir(parents=True)
        (checkpoints / name / "made-0000.params").write_text(name)
        samples.mkdir(exist_ok=True)
        (samples / f"{name}.png").write_text("x")
        return Trained(1.0, 0.1, {samples / f"{name}.png": "seven"})

    monkeypatch.setattr(example_models, "train_model", train)
    monkeypatch.setattr(example_models, "RECIPES", {"a": None, "b": None})
    return trained


def test_they_are_trained_once(tmp_path: Path, training: list[str]) -> None:
    models = trained_models(tmp_path / "models", lambda _: None)
    assert models == trained_models(tmp_path / "models", lambda _: None)
    assert training == ["a", "b"]
    assert [(model.name, model.expected_label) for model in models] == [("a", "seven"), ("b", "seven")]
    assert all(model.sample.is_file() and (model.directory / "made-0000.params").is_file() for model in models)
    assert [file.name for file in tmp_path.iterdir()] == ["models"]


def test_what_a_killed_run_left_is_not_taken(tmp_path: Path, training: list[str]) -> None:
    (tmp_path / "models" / "a").mkdir(parents=True)
    models = trained_models(tmp_path / "models", lambda _: None)
    assert (models[0].directory / "made-0000.params").read_text() == "a"
    assert [file.name for file in tmp_path.iterdir()] == ["models"]


def test_another_process_was_first(tmp_path: Path, training: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    train = example_models.train_model

    def overtaken(name: str, checkpoints: Path, samples: Path) -> Trained:
        if name == "b" and training == ["a"]:  # in the middle of the first training
            trained_models(tmp_path / "models", lambda _: None)
        return train(name, checkpoints, samples)

    monkeypatch.setattr(example_models, "train_model", overtaken)
    models = trained_models(tmp_path / "models", lambda _: None)
    assert [model.name for model in models] == ["a", "b"]
    assert [file.name for file in tmp_path.iterdir()] == ["models"]
