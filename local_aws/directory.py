"""The local AWS's directory: one owner at a time, and a state file through which others find it.

DIRECTORY/lock           held (flock) while a local AWS runs
DIRECTORY/running.json   pid and URL of the running one
DIRECTORY/run/           everything it writes; removed at the end
DIRECTORY/provider.json  what `terraform init` said about hashicorp/aws (see terraform.py); stays
"""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from .errors import DirectoryInUseError, NotRunningError


@dataclass(frozen=True)
class Running:
    """Where a running local AWS is to be found."""

    pid: int
    url: str


class Directory:
    """Paths of one local AWS, and the lock that keeps a second one out."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.run = self.root / "run"
        self._lock: IO[str] | None = None

    def __repr__(self) -> str:
        return f"Directory({str(self.root)!r})"

    def path(self, name: str) -> Path:
        """A folder below run/, made when it is not there."""
        path = self.run / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def acquire(self) -> None:
        """Become the owner and clear what an earlier owner that was killed left behind.

        Raises DirectoryInUseError.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = (self.root / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            running = self._read_state()
            owner = f"pid {running.pid} at {running.url}" if running else "still starting"
            raise DirectoryInUseError(str(self.root), owner) from error
        self._lock = lock
        self._remove_files()
        self.run.mkdir()

    def announce(self, running: Running) -> None:
        """Tell others that the local AWS is ready."""
        temporary = self.root / "running.json.new"
        temporary.write_text(json.dumps(asdict(running)))
        temporary.replace(self.root / "running.json")

    def release(self) -> None:
        """Remove what was written and let the next owner in."""
        if self._lock is None:
            return
        self._remove_files()
        (self.root / "lock").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None
        if not any(self.root.iterdir()):
            self.root.rmdir()

    def running(self) -> Running:
        """The local AWS that runs here. Raises NotRunningError."""
        state = self._read_state()
        if state is None or not _alive(state.pid):
            raise NotRunningError(str(self.root))
        return state

    def _read_state(self) -> Running | None:
        try:
            return Running(**json.loads((self.root / "running.json").read_text()))
        except FileNotFoundError:
            return None

    def _remove_files(self) -> None:
        (self.root / "running.json").unlink(missing_ok=True)
        shutil.rmtree(self.run, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
