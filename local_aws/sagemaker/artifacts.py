"""Model artifacts of S3 on this machine's disk: fetched, extracted, shared by all instances, bounded.

Entries are known by bucket, key and the object's ETag and version, so that an overwritten object is another artifact.
What an instance has loaded stays; of the rest the least recently used go when the cache outgrows its bound.
"""

import contextlib
import hashlib
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from .errors import ValidationError
from .s3_uri import S3Uri

Extract = Callable[[Path, Path], None]
"""Extracts an archive into a folder; raises ValueError with one sentence for a bad archive."""


@dataclass
class Artifact:
    """An extracted artifact; `users` counts the instances that have it loaded or are loading it."""

    key: str
    folder: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    size_bytes: int = 0
    users: int = 0
    used: float = 0.0


class ArtifactCache:
    """Artifacts by S3 object. `s3` is a boto3 client."""

    def __init__(self, s3: Any, folder: Path, max_bytes: int, extract: Extract) -> None:
        self._s3 = s3
        self._folder = folder
        self._max_bytes = max_bytes
        self._extract = extract
        self._lock = threading.Lock()
        self._artifacts: dict[str, Artifact] = {}

    def checkout(self, uri: S3Uri) -> Artifact:
        """The object's extracted content, kept until `give_back`.

        Raises ValidationError when the object is not there or is no sound archive.
        """
        key = self._identify(uri)
        with self._lock:
            artifact = self._artifacts.setdefault(key, Artifact(key, self._folder / key))
            artifact.users += 1
            artifact.used = time.monotonic()
        try:
            with artifact.lock:  # one download, however many instances want it
                if not artifact.folder.exists():
                    self._fetch(uri, artifact)
        except BaseException:
            self.give_back(artifact)
            raise
        self._trim()
        return artifact

    def give_back(self, artifact: Artifact) -> None:
        with self._lock:
            artifact.users -= 1

    def _identify(self, uri: S3Uri) -> str:
        try:
            head = self._s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            raise _unavailable(uri) from error
        identity = "\n".join((uri.bucket, uri.key, head["ETag"], head.get("VersionId", "")))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    def _fetch(self, uri: S3Uri, artifact: Artifact) -> None:
        archive = self._folder / f"{artifact.key}.tar.gz"
        try:
            self._s3.download_file(uri.bucket, uri.key, str(archive))
            self._extract(archive, artifact.folder)
        except ClientError as error:
            raise _unavailable(uri) from error
        except ValueError as error:
            raise ValidationError(
                f"Unable to extract model data archive from URL {uri}: {error}. Please ensure that the object located "
                "at the URL is a valid tar.gz archive."
            ) from error
        finally:
            archive.unlink(missing_ok=True)
        artifact.size_bytes = sum(path.stat().st_size for path in artifact.folder.rglob("*") if path.is_file())

    def _trim(self) -> None:
        with self._lock:
            total = sum(artifact.size_bytes for artifact in self._artifacts.values())
            idle = sorted((a for a in self._artifacts.values() if a.users == 0), key=lambda artifact: artifact.used)
            for artifact in idle:
                if total <= self._max_bytes:
                    break
                del self._artifacts[artifact.key]
                total -= artifact.size_bytes
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(artifact.folder)


def _unavailable(uri: S3Uri) -> ValidationError:
    return ValidationError(
        f"Failed to download model data(bucket: {uri.bucket}, key: {uri.key}). Please ensure that there is an object "
        "located at the URL and that the role passed to CreateModel has permissions to download the model."
    )


class OneArtifact:
    """The artifact of one container, kept while it needs it; none where `uri` is None. See `host.OneModel`."""

    def __init__(self, cache: ArtifactCache, uri: S3Uri | None) -> None:
        self._cache = cache
        self._uri = uri
        self._lock = threading.Lock()
        self._artifact: Artifact | None = None
        self._is_over = False

    def fetch(self) -> Path | None:
        if self._uri is None:
            return None
        with self._lock:
            if self._artifact is None and not self._is_over:
                self._artifact = self._cache.checkout(self._uri)
            return self._artifact.folder if self._artifact is not None else None

    def give_back(self) -> None:
        with self._lock:
            self._is_over = True
            artifact, self._artifact = self._artifact, None
        if artifact is not None:
            self._cache.give_back(artifact)
