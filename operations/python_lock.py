"""Pipfile.lock: what each category pins.

`default` is what a deployment needs, `local` what runs models and AWS on one machine, `develop` what the tests need
beside both. A package may be in several, at one version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CATEGORIES = ("default", "local", "develop")


def locked_packages(root: Path) -> dict[str, Mapping[str, Any]]:
    """The pin (version, hashes, markers) of each package, by name, for each category."""
    lock = json.loads((root / "Pipfile.lock").read_text(encoding="utf-8"))
    return {category: lock.get(category, {}) for category in CATEGORIES}
