"""A stack's state in S3, with its versions and its lock, as the stack's own backend block describes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from operations.errors import StateError
from operations.sessions import session_for
from operations.state_lock import StateLock

_CONDITION_FAILED = ("PreconditionFailed", "ConditionalRequestConflict")
_MISSING = ("NoSuchKey", "NoSuchBucket", "404", "MethodNotAllowed")


@dataclass(frozen=True)
class StateVersion:
    """One version of the state object; a deletion is a version without content."""

    id: str
    written: datetime
    size_bytes: int
    is_current: bool
    is_deletion: bool


def read_backend(directory: Path) -> tuple[str, Mapping[str, Any]]:
    """The backend of the synthesised stack in `directory`: its type, `s3` or `local`, and its arguments."""
    document = json.loads((directory / "cdk.tf.json").read_text())
    ((kind, arguments),) = document["terraform"]["backend"].items()
    return kind, arguments


class RemoteState:
    """The state of the synthesised stack in `directory`.

    Args:
        directory: the stack's folder.
        variables: Terraform's environment variables, which hold the local AWS's key. On AWS the credentials
            are those of this process.

    Raises:
        StateError: the stack keeps its state in a file.
    """

    def __init__(self, directory: Path, variables: Mapping[str, str]) -> None:
        kind, self._backend = read_backend(directory)
        self._variables = variables
        self.stack = directory.name
        if kind != "s3":
            raise StateError(
                f"{self.stack} keeps its state in a file, {(directory / self._backend['path']).resolve()}, which has "
                'no versions. Set `"state_backend": "s3"` for the environment in cdktf.json and run `make bootstrap`.'
            )
        self.bucket: str = self._backend["bucket"]
        self.key: str = self._backend["key"]

    @property
    def path(self) -> str:
        """Bucket and key, as Terraform shows them."""
        return f"{self.bucket}/{self.key}"

    def bucket_exists(self) -> bool:
        """Whether there is a bucket of that name that the credentials may see."""
        return self._found(lambda: self._s3.head_bucket(Bucket=self.bucket)) is not None

    def bucket_is_versioned(self) -> bool:
        """Whether S3 keeps the earlier versions of a state."""
        return self._s3.get_bucket_versioning(Bucket=self.bucket).get("Status") == "Enabled"

    def read(self, version_id: str | None = None) -> bytes | None:
        """The state object's content, now or at a version; None where there is none."""
        version = {} if version_id is None else {"VersionId": version_id}
        answer = self._found(lambda: self._s3.get_object(Bucket=self.bucket, Key=self.key, **version))
        return None if answer is None else answer["Body"].read()

    def versions(self) -> list[StateVersion]:
        """The versions of the state object, the newest first, deletions among them."""
        found = [
            StateVersion(
                item["VersionId"],
                item["LastModified"].astimezone(UTC),
                item.get("Size", 0),
                is_current=item["IsLatest"],
                is_deletion="Size" not in item,
            )
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.key)
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if item["Key"] == self.key
        ]
        # S3 lists the newest first, and deletions apart. What is current comes first even within the same second.
        return sorted(found, key=lambda version: (version.is_current, version.written), reverse=True)

    def lock(self) -> StateLock | None:
        """Who holds the lock now; None when nobody does."""
        answer = self._found(lambda: self._s3.get_object(Bucket=self.bucket, Key=self._lock_key))
        return None if answer is None else StateLock.parse(answer["Body"].read())

    @contextmanager
    def locked(self, lock: StateLock) -> Iterator[None]:
        """Hold `lock` during the block; Terraform respects it.

        Raises:
            StateError: somebody else holds one.
        """
        try:
            self._s3.put_object(
                Bucket=self.bucket, Key=self._lock_key, Body=lock.to_json(), IfNoneMatch="*", **self._sse
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CONDITION_FAILED:
                raise
            self.refuse_if_locked()
            raise StateError("The state was locked for a moment. Nothing was written; try again.") from None
        try:
            yield
        finally:
            holder = self.lock()
            if holder is not None and holder.id == lock.id:
                self._s3.delete_object(Bucket=self.bucket, Key=self._lock_key)

    def refuse_if_locked(self) -> None:
        """Raise StateError, with who and what to do, while somebody holds the lock."""
        holder = self.lock()
        if holder is not None:
            now = datetime.now(UTC)
            raise StateError(f"{holder.describe(now)}\nNothing was written. {holder.advice(now, self.stack)}")

    def refuse_unless_held(self, lock_id: str) -> None:
        """Raise StateError unless the lock of this id is held: a lock is removed by its own id only."""
        holder = self.lock()
        if holder is None:
            raise StateError(f"The state of {self.stack} is not locked.")
        if holder.id != lock_id:
            raise StateError(f"{holder.describe(datetime.now(UTC))}\nIt is not the lock {lock_id}; it was left.")

    def write(self, content: bytes) -> str:
        """Write a new version of the state object and return its id. Hold the lock."""
        return self._put(content)["VersionId"]

    def create(self, content: bytes) -> None:
        """Write the state object where there is none. Hold the lock.

        Raises:
            StateError: there is one.
        """
        try:
            self._put(content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CONDITION_FAILED:
                raise
            raise StateError(
                f"Somebody else has written a state to s3://{self.path} in the meantime. It was left as it is."
            ) from None

    def _put(self, content: bytes, **condition: str) -> Mapping[str, Any]:
        return self._s3.put_object(
            Bucket=self.bucket, Key=self.key, Body=content, ContentType="application/json", **self._sse, **condition
        )

    @property
    def _lock_key(self) -> str:
        return f"{self.key}.tflock"

    @property
    def _sse(self) -> dict[str, str]:
        """Encrypted as the backend's `encrypt` and `kms_key_id` encrypt it."""
        if self._backend.get("kms_key_id") is not None:
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._backend["kms_key_id"]}
        return {"ServerSideEncryption": "AES256"} if self._backend.get("encrypt") else {}

    @cached_property
    def _s3(self) -> BaseClient:
        backend = self._backend
        config = Config(
            s3={"addressing_style": "path" if backend.get("use_path_style") else "auto"},
            retries={"total_max_attempts": 3},
        )
        session, own = session_for(
            is_local="endpoints" in backend,
            variables=self._variables,
            region=backend["region"],
            role=backend.get("assume_role"),
            sts_url=backend.get("endpoints", {}).get("sts"),
        )
        config = config.merge(own)
        return session.create_client(
            "s3",
            region_name=backend["region"],
            endpoint_url=backend.get("endpoints", {}).get("s3"),
            config=config,
        )

    @staticmethod
    def _found(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
