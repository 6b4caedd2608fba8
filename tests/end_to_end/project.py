"""A copy of the project that may be changed."""

import json
import shutil
from pathlib import Path
from typing import Any

from operations.deployment import PROJECT_DIRECTORY

_APPLICATION = ("main.py", "cdktf.json", "stacks", "way_out", "container", "image_builder", "model_catalog", "models")
_WRITTEN_BY_RUNS = shutil.ignore_patterns("__pycache__", "artifacts", "sources")


def copy_project(directory: Path) -> Path:
    """Copy what `cdktf synth` needs of the project into `directory`, which is made."""
    directory.mkdir(parents=True)
    for name in _APPLICATION:
        source = PROJECT_DIRECTORY / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=_WRITTEN_BY_RUNS)
        else:
            shutil.copy(source, directory / name)
    return directory


def change_settings(project: Path, **settings: Any) -> None:
    """Set settings of the copy's environment `local`; None takes one out."""
    file = project / "cdktf.json"
    document = json.loads(file.read_text())
    environments = document["context"]["environments"]
    merged = environments["local"] | settings
    environments["local"] = {name: value for name, value in merged.items() if value is not None}
    file.write_text(json.dumps(document))
