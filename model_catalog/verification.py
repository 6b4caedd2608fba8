"""Whether the artifacts on disk are those of the lock.

Every synthesis asks, so a digest once read is remembered by the file's size and time of change: a catalog of many
gigabytes is read once.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from model_catalog.lock import Lock

_DIGESTS_FILE = ".digests.json"


def verify_artifacts(directory: Path, lock: Lock, *, missing_ok: bool = False) -> list[str]:
    """Compare the artifacts below `directory` with `lock`; one complaint for each that is missing or differs.

    Versions that are copied in S3 have none there.

    Args:
        directory: the catalog's folder.
        lock: what its lock file holds.
        missing_ok: accept artifacts that are not there, as in a pull request's checkout.
    """
    digests = _Digests(directory / "artifacts")
    complaints = []
    for name, model in sorted(lock.models.items()):
        for version in model.versions:
            if version.source is not None:
                continue
            path = directory / version.artifact
            where = f"model {name}, version {version.version}: {path}"
            if not path.is_file():
                if not missing_ok:
                    complaints.append(f"{where} is missing; add the model again or fetch the file.")
                continue
            size_bytes, sha256 = path.stat().st_size, digests.sha256(path)
            if (sha256, size_bytes) != (version.sha256, version.size_bytes):
                complaints.append(
                    f"{where} holds {size_bytes} bytes with sha256 {sha256}, but the lock says "
                    f"{version.size_bytes} bytes with {version.sha256}; delete it and add the model again."
                )
    digests.save()
    return complaints


class _Digests:
    """The sha256 of the files of one folder, each read again only when its size or time of change is another."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / _DIGESTS_FILE
        self._used: dict[str, list[Any]] = {}
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        self._known = known if isinstance(known, dict) else {}

    def sha256(self, path: Path) -> str:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        entry = self._known.get(path.name)
        if isinstance(entry, list) and entry[:2] == state:
            self._used[path.name] = entry
        else:
            with path.open("rb") as file:
                self._used[path.name] = [*state, hashlib.file_digest(file, "sha256").hexdigest()]
        return self._used[path.name][2]

    def save(self) -> None:
        """Remember what was read. A folder that cannot be written to is read again the next time."""
        if self._used == self._known:
            return
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=_DIGESTS_FILE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._used, file)
            Path(temporary).replace(self._file)
