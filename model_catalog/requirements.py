"""Packages that an artifact's own code asks for, held against those in the server's image."""

import re
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_IMAGE_FILE = Path(__file__).parents[1] / "container" / "requirements.txt"
_FILE = "code/requirements.txt"
# The server brings what code imports of it.
_PROVIDED = {"sagemaker-inference"}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def requirements_complaints(folder: Path, image_file: Path = _IMAGE_FILE) -> list[str]:
    """One complaint for each line of `code/requirements.txt` that the image does not meet.

    Nothing is installed when a model is loaded. Packages that lie in `code/` themselves count as met.
    """
    path = folder / _FILE
    if not path.is_file():
        return []
    there = {canonicalize_name(name): version for name, version in _PIN.findall(image_file.read_text(encoding="utf-8"))}
    complaints = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        text = line.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        where = f"{_FILE}, line {number}"
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            complaints.append(f"{where}: {text!r} names no package that can be held against the image's.")
            continue
        name = canonicalize_name(wanted.name)
        if (wanted.marker is not None and not wanted.marker.evaluate()) or name in _PROVIDED:
            continue
        module = name.replace("-", "_")
        if (path.parent / module).is_dir() or (path.parent / f"{module}.py").is_file():
            continue
        version = there.get(name)
        if version is not None and wanted.specifier.contains(version, prereleases=True):
            continue
        has = "lacks it" if version is None else f"has {version}"
        complaints.append(
            f"{where}: the code asks for {text}, but the image {has}: add it to container/requirements.in and the "
            "Pipfile and run `make lock`, or put the package into code/."
        )
    return complaints
