"""A copy of the project that a test may change, and example models trained once a run."""

import shutil
from pathlib import Path

import pytest

from operations.deployment import PROJECT_DIRECTORY
from operations.example_models import ExampleModel, trained_models

_APPLICATION = ("main.py", "cdktf.json", "stacks", "container", "image_builder", "model_catalog", "models")
_WRITTEN_BY_RUNS = shutil.ignore_patterns("__pycache__", "artifacts", "sources")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `cdktf synth` needs of the project, in a folder of the test's own."""
    directory = tmp_path / "project"
    directory.mkdir()
    for name in _APPLICATION:
        source = PROJECT_DIRECTORY / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=_WRITTEN_BY_RUNS)
        else:
            shutil.copy(source, directory / name)
    return directory


@pytest.fixture(scope="session")
def example_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExampleModel]:
    """The models that train_models trains, by name."""
    directory = tmp_path_factory.mktemp("example-models")
    return {model.name: model for model in trained_models(directory, report=lambda line: None)}
