"""The local AWS's directory: one owner at a time, and a state file through which others find it.

DIRECTORY/lock           held (flock) while a local AWS runs; contains its pid
DIRECTORY/running.json   pid, URL and access key of the running one
DIRECTORY/run/           everything it writes; removed at the end
DIRECTORY/state/         the account, where it is to survive a restart (see persistence/); stays
DIRECTORY/provider.json  what `terraform init` said about hashicorp/aws (see terraform.py); stays
DIRECTORY/stand-in/      the mirror and the CLI configuration through which Terraform gets the stand-in; stays

Only the user who started it can read running.json, run/ and what is below. The lock alone says whether a local AWS
runs: a pid may belong to another process by now.
"""

import fcntl
import json
import logging
import os
import shutil
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import boto3

from .access_key import AccessKey
from .account import REGION
from .errors import DirectoryInUseError, LocalAwsError, NotRunningError

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
"""How long a start waits for the lock: those who only look whether a local AWS runs hold it for a moment."""

_POLL_SECONDS = 0.02
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


@dataclass(frozen=True)
class Running:
    """Where a running local AWS is to be found, and what its calls are signed with."""

    pid: int
    url: str
    key: AccessKey = field(repr=False)

    def session(self, region: str = REGION) -> boto3.session.Session:
        """A boto3 session with the key. Its clients need `endpoint_url=running.url`."""
        return boto3.session.Session(self.key.id, self.key.secret, region_name=region)


class Directory:
    """Paths of one local AWS, and the lock that keeps a second one out."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.run = self.root / "run"
        self._lock: IO[str] | None = None

    def __repr__(self) -> str:
        return f"Directory({str(self.root)!r})"

    @property
    def state_file(self) -> Path:
        return self.root / "running.json"

    @property
    def state(self) -> Path:
        """The account that is saved on request; see `persistence.folder`."""
        return self.root / "state"

    @property
    def watched(self) -> Path:
        """The guardian's list, for a start after even the guardian was killed."""
        return self.run / "watched"

    def path(self, name: str) -> Path:
        """A folder below run/, made when it is not there."""
        path = self.run / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def acquire(self) -> None:
        """Become the owner; end and remove what an earlier owner that was killed left behind, and log that.

        Raises DirectoryInUseError.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _LOOK_SECONDS
        while (lock := self._try_lock()) is None:
            if time.monotonic() > deadline:
                running = self._read_state()
                owner = f"pid {running.pid} at {running.url}" if running else "still starting"
                raise DirectoryInUseError(str(self.root), owner)
            time.sleep(_POLL_SECONDS)
        lock.seek(0)
        left_by = lock.read().strip()
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        if left_by:
            # psutil is not among a deployment's packages, which ask here whether a local AWS runs.
            from .orphans import end_orphans  # noqa: PLC0415

            ended = end_orphans(self.watched)
            logger.warning(
                "the local AWS that ran here (pid %s) was killed; its account is lost. Ended now: %s, and its files.",
                left_by,
                ended or "no process, none was left",
            )
        self._remove_files()
        self.run.mkdir(mode=_PRIVATE_FOLDER)

    def announce(self, running: Running) -> None:
        """Tell others of this user that the local AWS is ready."""
        temporary = self.root / "running.json.new"
        temporary.unlink(missing_ok=True)
        temporary.touch(_PRIVATE_FILE)
        temporary.write_text(json.dumps(asdict(running)))
        temporary.replace(self.state_file)

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
        """The local AWS that runs here and is ready. Raises NotRunningError."""
        state = self._read_state() if self._is_locked() else None
        if state is None:
            raise NotRunningError(str(self.root))
        return state

    def stop(self, timeout_seconds: float) -> int:
        """End the local AWS that runs here, also one that is still starting, and wait until it is gone; its pid.

        Raises NotRunningError, and LocalAwsError if it has not ended within `timeout_seconds`.
        """
        deadline = time.monotonic() + timeout_seconds
        pid = self._owner() if self._is_locked() else None
        if pid is None:
            raise NotRunningError(str(self.root))
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            raise NotRunningError(str(self.root)) from None
        try:
            # The handle stays with the process even if another one gets its pid; and the process still holds the lock.
            if self._is_locked() and self._owner() == pid:
                signal.pidfd_send_signal(process, signal.SIGTERM)
        except ProcessLookupError:
            pass
        finally:
            os.close(process)
        while self._is_locked() and self._owner() == pid:
            if time.monotonic() > deadline:
                raise LocalAwsError(f"The local AWS with pid {pid} did not end within {timeout_seconds:g} s.")
            time.sleep(_POLL_SECONDS)
        return pid

    def _try_lock(self) -> IO[str] | None:
        """The lock's file, locked; None where another process holds it."""
        while True:
            (self.root / "lock").touch(_PRIVATE_FILE)
            lock = (self.root / "lock").open("r+", encoding="utf-8")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its last owner may have removed it before this lock was there.
                if os.path.samestat(os.fstat(lock.fileno()), (self.root / "lock").stat()):
                    return lock
            except BlockingIOError:
                lock.close()
                return None
            except FileNotFoundError:
                pass
            lock.close()

    def _is_locked(self) -> bool:
        try:
            with (self.root / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _owner(self) -> int | None:
        try:
            return int((self.root / "lock").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _read_state(self) -> Running | None:
        try:
            state = json.loads(self.state_file.read_text())
        except FileNotFoundError:
            return None
        return Running(state["pid"], state["url"], AccessKey(**state["key"]))

    def _remove_files(self) -> None:
        self.state_file.unlink(missing_ok=True)
        shutil.rmtree(self.run, ignore_errors=True)
