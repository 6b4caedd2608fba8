"""What the tests of the ways out share: programs that must succeed, and documents side by side."""

import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def differences(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs between two JSON documents, by path."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = {}
        for key in sorted(one.keys() | other.keys()):
            found |= differences(one.get(key), other.get(key), f"{path}/{key}")
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = {}
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            found |= differences(left, right, f"{path}/{index}")
        return found
    return {} if one == other else {path: (one, other)}


def run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
