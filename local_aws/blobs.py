"""Content-addressed blobs on disk: the layers and configurations of pushed images."""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(content: bytes) -> str:
    """OCI digest of `content`: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class BlobWriter:
    """A blob that is being received: write its pieces, then keep or discard it."""

    def __init__(self, folder: Path, is_durable: bool = False) -> None:
        self._folder = folder
        self._is_durable = is_durable
        self._path = folder / f"upload-{secrets.token_hex(8)}"
        self._path.touch(0o600, exist_ok=False)
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        """Digest of what has been written so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._hash.update(piece)
        self.size_bytes += len(piece)

    def keep(self) -> None:
        """Make it a blob of the store."""
        try:
            self._file.flush()
            if self._is_durable:
                os.fsync(self._file.fileno())
            self._file.close()
            self._path.replace(self._folder / self._hash.hexdigest())
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # what is in the buffer cannot be written where the disk is full
            self._file.close()
        self._path.unlink(missing_ok=True)


class BlobStore:
    """Blobs by digest in one folder. Safe for concurrent writers: same digest, same bytes.

    `is_durable`: what is kept outlives a crash of the machine.
    """

    def __init__(self, folder: Path, is_durable: bool = False) -> None:
        self._folder = folder
        self._is_durable = is_durable

    def put(self, content: bytes) -> str:
        """Store `content` and return its digest."""
        writer = self.writer()
        writer.write(content)
        writer.keep()
        return writer.digest

    def writer(self) -> "BlobWriter":
        """For content that comes in pieces."""
        return BlobWriter(self._folder, self._is_durable)

    def find(self, digest: str) -> Path | None:
        """The file with this digest's bytes, None when there is none or `digest` is not a digest."""
        if not _DIGEST.fullmatch(digest):
            return None
        path = self._path(digest)
        return path if path.exists() else None

    def keep_only(self, digests: Collection[str]) -> None:
        """Remove all others. Not while something is being written."""
        wanted = {self._path(digest).name for digest in digests}
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink()

    def _path(self, digest: str) -> Path:
        return self._folder / digest.removeprefix("sha256:")
