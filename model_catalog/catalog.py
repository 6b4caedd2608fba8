"""Adding models to a catalog, removing them, and checking what lies on disk."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.client import BaseClient

from container.model_server.artifact.archive import ArchiveError, extract_archive
from container.model_server.artifact.contents import Artifact
from model_catalog.check import Check
from model_catalog.defaults import DEFAULT_PROGRAM, LOCK_FILE
from model_catalog.errors import CatalogError
from model_catalog.estimator_files import is_estimator
from model_catalog.inspection import inspect_folder
from model_catalog.lock import (
    Conversion,
    Lock,
    Model,
    Observed,
    S3Source,
    Version,
    artifact_path,
    read_lock,
    unknown_model,
    version_key,
    write_lock,
)
from model_catalog.names import name_complaints
from model_catalog.onnx_file import copy_network
from model_catalog.packing import Packed, pack_folder
from model_catalog.s3_source import Progress, change_since, fetch
from model_catalog.verification import verify_artifacts

# Makes an artifact of the one in the first folder in the second, which it makes as well, and returns what it checked.
Convert = Callable[[Path, Path], Conversion]


@dataclass(frozen=True)
class Added:
    """The outcome of an `add`."""

    name: str
    version: Version
    is_new: bool
    """False where the current version holds the same content already, so that nothing changed."""


class Catalog:
    """The catalog in one folder: its lock file, and below `artifacts/` the archives by their sha256.

    Several processes may add to one catalog at the same time. A process that is killed leaves the lock file as it was
    before or as it should become.

    Args:
        directory: the catalog's folder; made by the first `add`.
        earlier_versions: how many versions before the current one stay invokable, 1 or more.
    """

    def __init__(self, directory: Path | str, earlier_versions: int = 1) -> None:
        if earlier_versions < 1:
            raise CatalogError(
                f"catalog.earlier_versions must be 1 or more, not {earlier_versions}: the version before a new one "
                "stays until the next deployment, because nothing orders the end of one after the upload of the other."
            )
        self.directory = Path(directory)
        self.earlier_versions = earlier_versions

    @property
    def lock(self) -> Lock:
        """What the lock file holds now; raises CatalogError as `read_lock` does."""
        return read_lock(self.directory)

    def add(
        self,
        name: str,
        path: Path | str,
        *,
        convert: Convert | None = None,
        check: Check | None = None,
        program: str = DEFAULT_PROGRAM,
    ) -> Added:
        """Pack the model in `path` and make it the current version of `name`.

        Content that is the current version already changes nothing.

        Args:
            name: the model.
            path: a folder, a `.tar.gz` or a `.onnx` file; with `convert` also an estimator's file.
            convert: makes another artifact of it first; None to leave it as it is.
            check: loads it first, as the server would; None to take its files on trust.
            program: the name of its own code below `code/`.

        Raises:
            CatalogError: the name is not allowed or collides, the model cannot be served, or its conversion fails; with
                every reason.
        """
        path = Path(path)
        self._artifacts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._artifacts, prefix=".add-") as scratch_name:
            scratch = Path(scratch_name)
            packed_file = scratch / "packed.tar.gz"
            try:
                conversion = None
                if convert is not None and is_estimator(path):
                    conversion = convert(path, scratch / "converted")
                else:
                    artifact = inspect_folder(self._unpacked(path, scratch), program)
                    if convert is not None:
                        conversion = convert(artifact.directory, scratch / "converted")
                if conversion is not None:
                    artifact = inspect_folder(scratch / "converted", program)
                observed = None if check is None else check.run(artifact.directory)
                with packed_file.open("wb") as file:
                    packed = pack_folder(artifact.directory, file)
                    os.fsync(file.fileno())
            except CatalogError as error:
                raise CatalogError(f"model {name} ({path}): {complaint}" for complaint in error.complaints) from error
            except OSError as error:
                error.filename = error.filename or str(self._artifacts)  # writing to a full disk names no file
                raise
            with self._exclusive():
                return self._record(name, artifact, packed, packed_file, conversion=conversion, observed=observed)

    def add_from_s3(
        self,
        name: str,
        uri: str,
        client: BaseClient,
        *,
        sha256: str | None = None,
        progress: Progress | None = None,
        check: Check | None = None,
        program: str = DEFAULT_PROGRAM,
    ) -> Added:
        """Make an archive that is in S3 the current version of `name`: S3 copies it when the stack is deployed.

        The archive is read once, to disk, and checked as one that is added from there; it is not packed again.

        Args:
            name: the model.
            uri: `s3://BUCKET/KEY` of a `.tar.gz`.
            client: boto3's `s3` client.
            sha256: what the archive's digest must be; None where nothing is known of it.
            progress: told about each piece that is read.
            check: as in `add`.
            program: as in `add`.

        Raises:
            CatalogError: as `add`; or the object cannot be read, is not the one of that digest, or cannot be copied.
        """
        self._artifacts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._artifacts, prefix=".add-") as scratch_name:
            scratch = Path(scratch_name)
            archive = scratch / "archive.tar.gz"
            try:
                with archive.open("wb") as file:
                    fetched = fetch(client, uri, file, sha256, progress)
                artifact = inspect_folder(_extracted(archive, scratch), program)
                observed = None if check is None else check.run(artifact.directory)
            except CatalogError as error:
                raise CatalogError(f"model {name} ({uri}): {complaint}" for complaint in error.complaints) from error
            except OSError as error:
                error.filename = error.filename or str(self._artifacts)
                raise
            with self._exclusive():
                packed = Packed(fetched.sha256, fetched.size_bytes)
                return self._record(name, artifact, packed, fetched.source, observed=observed)

    def remove(self, name: str) -> None:
        """Take a model with all its versions out of the lock; `prune` then deletes its artifacts.

        Raises:
            CatalogError: the catalog has no such model.
        """
        with self._exclusive():
            lock = self.lock
            retired = lock.retired | {name: _known(lock, name).current.version}
            models = {other: model for other, model in lock.models.items() if other != name}
            write_lock(self.directory, Lock(models=models, retired=retired))

    def restore(
        self, name: str, number: str, archive: Path, *, digest: str = "", program: str = DEFAULT_PROGRAM
    ) -> Version:
        """Put a removed version back under the number and key that it had, and its archive among the artifacts.

        Args:
            name: the model.
            number: the version.
            archive: the artifact, a file that is left as it is.
            digest: what its SHA-256 begins with.
            program: the name of its own code below `code/`.

        Raises:
            CatalogError: the catalog has this version, or the archive has another digest or is no model.
        """
        self._artifacts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._artifacts, prefix=".add-") as scratch_name:
            scratch = Path(scratch_name)
            copy = scratch / "archive.tar.gz"
            shutil.copyfile(archive, copy)
            with copy.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if not sha256.startswith(digest):
                raise CatalogError(f"model {name}: the sha256 of version {number} is {sha256}, not {digest}...")
            version = Version(
                version=number,
                sha256=sha256,
                size_bytes=copy.stat().st_size,
                engine=inspect_folder(_extracted(copy, scratch), program).engine or "code",
                key=version_key(name, number, sha256),
            )
            with self._exclusive():
                lock = self.lock if (self.directory / LOCK_FILE).exists() else Lock()
                restored = _with_version(lock, name, version)
                copy.replace(self.directory / artifact_path(sha256))
                write_lock(self.directory, restored)
        return version

    def promote(self, name: str, number: str, environment: str) -> bool:
        """Make a version the current one of an environment that takes promoted models only.

        As many versions as `earlier_versions` says stay there beside it, those that were promoted last.

        Returns:
            False where it was the current one already.

        Raises:
            CatalogError: the catalog has no such model or version.
        """
        with self._exclusive():
            lock = self.lock
            model = _known(lock, name)
            numbers = [version.version for version in model.versions]
            if number not in numbers:
                raise CatalogError(f"model {name}: the catalog has no version {number}, only {', '.join(numbers)}.")
            before = model.promoted.get(environment, ())
            if before[-1:] == (number,):
                return False
            after = (*(other for other in before if other != number), number)[-self.earlier_versions - 1 :]
            changed = model.model_copy(update={"promoted": model.promoted | {environment: after}})
            write_lock(self.directory, lock.model_copy(update={"models": lock.models | {name: changed}}))
            return True

    def pin(self, name: str, *, pinned: bool = True) -> None:
        """Mark a model as one that `make warm` loads first, or take the mark from it.

        Raises:
            CatalogError: the catalog has no such model.
        """
        with self._exclusive():
            lock = self.lock
            marked = _known(lock, name).model_copy(update={"pinned": pinned})
            write_lock(self.directory, lock.model_copy(update={"models": lock.models | {name: marked}}))

    def verify(self, *, missing_ok: bool = False) -> list[str]:
        """Compare the artifacts on disk with the lock; one complaint for each that is missing or differs.

        Args:
            missing_ok: accept artifacts that are not there, as in a pull request's checkout.
        """
        return verify_artifacts(self.directory, self.lock, missing_ok=missing_ok)

    def verify_sources(self, client: BaseClient) -> list[str]:
        """Whether the artifacts that S3 copies are those that were added; one complaint for each that is not.

        Args:
            client: boto3's `s3` client.
        """
        return [
            f"model {name}, version {version.version}: {version.source.uri}: {change}"
            for name, model in sorted(self.lock.models.items())
            for version in model.versions
            if version.source is not None and (change := change_since(client, version.source)) is not None
        ]

    def prune(self) -> list[Path]:
        """Delete the artifacts that no version in the lock refers to, and return their paths."""
        with self._exclusive():
            versions = [version for model in self.lock.models.values() for version in model.versions]
            kept = {version.sha256 for version in versions if version.source is None}
            stale = [path for path in self._artifacts.glob("*.tar.gz") if path.name.removesuffix(".tar.gz") not in kept]
            for path in stale:
                path.unlink()
            return sorted(stale)

    @property
    def _artifacts(self) -> Path:
        return self.directory / "artifacts"

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self._artifacts.mkdir(parents=True, exist_ok=True)
        with (self._artifacts / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _unpacked(path: Path, scratch: Path) -> Path:
        if path.is_dir():
            return path
        if not path.is_file():
            raise CatalogError("there is no such file or folder.")
        if is_estimator(path):
            raise CatalogError("an estimator is added as ONNX: give --to-onnx and --samples.")
        if path.suffix == ".onnx":
            return copy_network(path, scratch / "content")
        if not path.name.endswith((".tar.gz", ".tgz")):
            raise CatalogError("a model is a folder, a .tar.gz archive or a .onnx file.")
        return _extracted(path, scratch)

    def _record(
        self,
        name: str,
        artifact: Artifact,
        packed: Packed,
        origin: Path | S3Source,
        *,
        conversion: Conversion | None = None,
        observed: Observed | None,
    ) -> Added:
        """Put a packed file in its place, then the lock: what the lock names is always there."""
        lock = self.lock if (self.directory / LOCK_FILE).exists() else Lock()
        complaints = name_complaints({*lock.models, name})
        if complaints:
            raise CatalogError(complaints)
        source = origin if isinstance(origin, S3Source) else None
        known = lock.models[name].versions if name in lock.models else ()
        is_new = not known or known[-1].sha256 != packed.sha256
        if isinstance(origin, Path) and (is_new or known[-1].source is None):
            origin.replace(self.directory / artifact_path(packed.sha256))
        if not is_new:
            return Added(name, known[-1], is_new=False)
        last = max(int(known[-1].version) if known else 0, int(lock.retired.get(name, "0")))
        promoted = lock.models[name].promoted if name in lock.models else {}
        in_use = {number for numbers in promoted.values() for number in numbers}
        kept = tuple(
            version for version in known if version in known[-self.earlier_versions :] or version.version in in_use
        )
        number = str(last + 1)
        added = Version(
            version=number,
            sha256=packed.sha256,
            size_bytes=packed.size_bytes,
            engine=artifact.engine or "code",
            key=version_key(name, number, packed.sha256),
            source=source,
            conversion=conversion,
            observed=observed,
        )
        pinned = name in lock.models and lock.models[name].pinned
        models = lock.models | {name: Model(versions=(*kept, added), promoted=promoted, pinned=pinned)}
        retired = {other: version for other, version in lock.retired.items() if other != name}
        write_lock(self.directory, Lock(models=models, retired=retired))
        return Added(name, added, is_new=True)


def _known(lock: Lock, name: str) -> Model:
    """Raises CatalogError for a model that the lock does not have."""
    if name not in lock.models:
        raise CatalogError(unknown_model(name, lock))
    return lock.models[name]


def _with_version(lock: Lock, name: str, version: Version) -> Lock:
    """The lock with a version that it held before."""
    complaints = name_complaints({*lock.models, name})
    if complaints:
        raise CatalogError(complaints)
    model = lock.models.get(name)
    known = () if model is None else model.versions
    if version.version in {other.version for other in known}:
        raise CatalogError(f"model {name}: version {version.version} is in the catalog; there is nothing to restore.")
    versions = tuple(sorted((*known, version), key=lambda other: int(other.version)))
    restored = Model(versions=versions) if model is None else model.model_copy(update={"versions": versions})
    # The last number that was used stays noted until a version has it.
    retired = {other: last for other, last in lock.retired.items() if (other, last) != (name, version.version)}
    return Lock(models=lock.models | {name: restored}, retired=retired)


def _extracted(archive: Path, scratch: Path) -> Path:
    folder = scratch / "content"
    try:
        extract_archive(archive, folder)
    except ArchiveError as error:
        raise CatalogError(f"{error}.") from error
    return folder
