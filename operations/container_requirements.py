"""Writes container/requirements.txt: the closure of container/requirements.in, at Pipfile.lock's versions and hashes.

`make lock` runs it, so that the image has the same packages that the tests run with. The closure is read from the
environment that Pipfile.lock was installed into.
"""

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from operations.python_lock import locked_packages

_ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = _ROOT / "container" / "requirements.txt"


def container_requirements(root: Path = _ROOT) -> str:
    """The text of container/requirements.txt. Raises KeyError for a package that Pipfile.lock does not have."""
    locked = {canonicalize_name(name): pin for pins in locked_packages(root).values() for name, pin in pins.items()}
    lines = (root / "container" / "requirements.in").read_text(encoding="utf-8").splitlines()
    missing = [canonicalize_name(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    closure: set[NormalizedName] = set()
    while missing:
        name = missing.pop()
        if name not in closure:
            closure.add(name)
            needed = (Requirement(text) for text in distribution(name).requires or [])
            missing += [
                canonicalize_name(other.name)
                for other in needed
                if other.marker is None or other.marker.evaluate({"extra": ""})
            ]
    text = "# Written by `make lock` from requirements.in and Pipfile.lock.\n"
    for package in sorted(closure):
        pin = locked[package]
        hashes = "".join(f" \\\n    --hash={digest}" for digest in pin["hashes"])
        text += f"{package}{pin['version']}{hashes}\n"
    return text


if __name__ == "__main__":
    REQUIREMENTS.write_text(container_requirements(), encoding="utf-8")
