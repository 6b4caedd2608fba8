"""Files that hold what a state holds, secrets included: for their owner only."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE_MODE = 0o600
PRIVATE_UMASK = 0o077
"""For programs that write such files themselves: no rights for group and others."""


def make_private_directory(path: Path) -> None:
    """Create `path` with its parents, or take over one that exists, with mode 0700."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file with mode 0600, whatever its mode was before."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
