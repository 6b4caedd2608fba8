"""Packages that an artifact's own code asks for, compared with those in the server's image."""

import re
from pathlib import Path

from container.model_server.artifact.files import CODE_FOLDER, model_root
from container.model_server.artifact.requirements import unmet_requirements

_IMAGE_FILE = Path(__file__).parents[1] / "container" / "requirements.txt"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def requirements_complaints(folder: Path, image_file: Path = _IMAGE_FILE) -> list[str]:
    """One complaint for each line of `code/requirements.txt` that neither the image nor the artifact meets."""
    installed = dict(_PIN.findall(image_file.read_text(encoding="utf-8")))
    return [f"{complaint}." for complaint in unmet_requirements(model_root(folder) / CODE_FOLDER, installed)]
