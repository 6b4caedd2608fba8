"""Content-addressed blobs on disk: the layers and configurations of pushed images."""

import hashlib
import re
import secrets
from pathlib import Path

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(content: bytes) -> str:
    """OCI digest of `content`: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class BlobStore:
    """Blobs by digest in one folder. Safe for concurrent writers: same digest, same bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Store `content` and return its digest."""
        digest = digest_of(content)
        path = self._path(digest)
        if not path.exists():
            temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            temporary.write_bytes(content)
            temporary.replace(path)
        return digest

    def find(self, digest: str) -> Path | None:
        """The file with this digest's bytes, None when there is none or `digest` is not a digest."""
        if not _DIGEST.fullmatch(digest):
            return None
        path = self._path(digest)
        return path if path.exists() else None

    def _path(self, digest: str) -> Path:
        return self._folder / digest.removeprefix("sha256:")
