"""The folder of a saved account: files that only this user can read and write, replaced as a whole.

DIRECTORY/state/manifest.json  what the other files are
DIRECTORY/state/parts/         pickled objects of moto, by digest
DIRECTORY/state/bodies/        contents of S3 objects
DIRECTORY/state/blobs/         layers of images, by digest
"""

import os
import stat
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import IO

from .errors import StateFolderError, UnsafeStateError

_OTHERS = 0o077
_NEW = ".new"


class StateFolder:
    """Paths, and reading and writing that other users of the machine have no part in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.json"
        self.parts = root / "parts"
        self.bodies = root / "bodies"
        self.blobs = root / "blobs"

    @property
    def exists(self) -> bool:
        """Whether an account was saved here."""
        return self.manifest.exists()

    def prepare(self) -> None:
        """Make what is missing, check the rest and remove what a writer that was killed left half written.

        Raises UnsafeStateError, StateFolderError.
        """
        for folder in (self.root, self.parts, self.bodies, self.blobs):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StateFolderError(folder, error) from error
            _check(folder, os.lstat(folder), stat.S_ISDIR)
        for folder in (self.root, self.parts, self.bodies):
            for path in folder.glob(f"*{_NEW}"):
                path.unlink()
        for path in self.blobs.glob("upload-*"):
            path.unlink()

    def write(self, path: Path, pieces: Iterable[bytes]) -> None:
        """Make `pieces` the content of `path`: after a crash it has the old content or the new one. Raises OSError."""
        temporary = path.with_name(path.name + _NEW)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    @staticmethod
    def remove_others(folder: Path, wanted: Collection[str]) -> None:
        """Remove the files of `folder` whose names are not `wanted`."""
        for path in folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)


def open_own(path: Path) -> IO[bytes]:
    """Open a file for reading. What is checked is the open file: nobody can replace it in between.

    Raises UnsafeStateError, FileNotFoundError.
    """
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise UnsafeStateError(path, f"is no file of yours ({error.strerror})") from error
    try:
        _check(path, os.fstat(file.fileno()), stat.S_ISREG)
    except UnsafeStateError:
        file.close()
        raise
    return file


def sync_folder(path: Path) -> None:
    """Names of new files outlive a crash of the machine after this."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode):
        raise UnsafeStateError(path, "is a link or of another kind than it should be")
    if found.st_uid != os.geteuid():
        raise UnsafeStateError(path, f"belongs to the user with id {found.st_uid}, not to you (id {os.geteuid()})")
    if found.st_mode & _OTHERS:
        raise UnsafeStateError(path, f"has mode {stat.S_IMODE(found.st_mode):04o}, so that others can use it")
