"""An instance that is a child process of the local AWS: what runs as a process and what runs in a container share.

Each has a process group of its own, which the guardian ends should the local AWS be killed.
"""

import contextlib
import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..guardian import Guardian
from ..log_shipping import LogShipper
from .instance import GRACE_SECONDS, InstanceError, InstanceSpec
from .ports import PortAllocator, PortBlock


@dataclass(frozen=True)
class Surroundings:
    """What all instances of a local AWS share."""

    guardian: Guardian
    log_folder: Path
    logs: LogShipper
    ports: PortAllocator
    role_environment: Callable[[str], dict[str, str]]
    """What a process has in its environment to act with a role, by the role's ARN."""


@dataclass(frozen=True)
class Command:
    """A program to run: its arguments, in which folder, with which environment (None: the local AWS's own)."""

    arguments: list[str]
    folder: Path | None = None
    environment: dict[str, str] | None = None


class ChildInstance(ABC):
    """See `Instance`."""

    def __init__(self, spec: InstanceSpec, surroundings: Surroundings) -> None:
        self.spec = spec
        self._guardian = surroundings.guardian
        self._log_file = surroundings.log_folder / f"{spec.id}.log"
        self._logs = surroundings.logs
        self._ports = surroundings.ports
        self._role_environment = surroundings.role_environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._block: PortBlock | None = None
        self._stopped = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec.id!r}, image={self.spec.image!r})"

    @property
    def url(self) -> str:
        if self._block is None:
            raise InstanceError(f"Instance {self.spec.id} has not been started.")
        return f"http://127.0.0.1:{self._block.bind_port}"

    def start(self, model: Path | None = None) -> None:
        self._fetch_image()
        with self._lock:
            if self._stopped:
                raise InstanceError(f"Instance {self.spec.id} has been stopped.")
            self._end_child()
            try:
                self._block = self._ports.take()
            except OSError as error:
                raise InstanceError(str(error)) from error
            command = self._prepare(self._block, model)
            self._logs.follow(self._log_file, self.spec.log_group, self.spec.log_stream)
            with self._log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    command.arguments,
                    cwd=command.folder,
                    env=command.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._guardian.watch_group(self._process.pid)

    def exit_code(self) -> int | None:
        process = self._process
        return process.poll() if process is not None else None

    def log_tail(self, lines: int) -> str:
        try:
            with self._log_file.open(encoding="utf-8", errors="replace") as log:
                return "".join(deque(log, lines)).strip()
        except FileNotFoundError:
            return ""

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        with self._lock:
            self._stopped = True
            self._end_child(grace_seconds)
        self._logs.forget(self._log_file)
        self._log_file.unlink(missing_ok=True)  # what it held is in CloudWatch Logs

    @abstractmethod
    def _fetch_image(self) -> None:
        """Make the image ready to run; may take long. Raises InstanceError."""

    @abstractmethod
    def _prepare(self, block: PortBlock, model: Path | None) -> Command:
        """The command that runs the server until SIGTERM. Raises InstanceError. The lock is held.

        `model`: the folder that the server sees as /opt/ml/model.
        """

    @abstractmethod
    def _clean_up(self) -> None:
        """Remove what `_prepare` made, if it made something. The lock is held."""

    def _end_child(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the process group; the lock is held."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(grace_seconds)
            # The group outlives its first process where that one left workers behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._guardian.forget_group(process.pid)
        self._clean_up()
        if self._block is not None:
            self._ports.give_back(self._block)
            self._block = None
