"""The packages of the local AWS's image, at the versions and hashes of Pipfile.lock: `python3 FILE Pipfile.lock`.

Needs no package itself. It leaves out what only synthesis, the examples and exports to ONNX import.
"""

import json
import sys
from pathlib import Path
from typing import Any

_SECTIONS = ("default", "local")
_LEFT_OUT = {
    "cdktf",
    "cdktf-cdktf-provider-aws",
    "constructs",
    "jsii",
    "joblib",
    "onnx",
    "scikit-learn",
    "scipy",
    "threadpoolctl",
}


def requirements(lock: dict[str, Any]) -> list[str]:
    """Lines for pip, which installs them without their dependencies: those are in the lock as well."""
    found = {name: entry for section in _SECTIONS for name, entry in lock[section].items()}
    return [
        f"{name}{entry['version']} {' '.join(f'--hash={value}' for value in entry['hashes'])}"
        for name, entry in sorted(found.items())
        if name not in _LEFT_OUT
    ]


if __name__ == "__main__":
    print("\n".join(requirements(json.loads(Path(sys.argv[1]).read_text()))))
