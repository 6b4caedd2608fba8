"""An instance as a process: `serve` of a snapshot, run by this Python.

Each has a process group of its own, which the guardian ends should the local AWS be killed, and a scratch folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path

from ..guardian import Guardian
from ..log_shipping import LogShipper
from .image import ImageStore
from .instance import InstanceError, InstanceSpec
from .instance_types import find_instance_type
from .ports import PortAllocator, PortBlock

_TERMINATION_GRACE_SECONDS = 3.0
"""Between SIGTERM and SIGKILL. SageMaker waits 30 s; nobody wants to wait so long at home."""


class ProcessInstance:
    """See `Instance`."""

    def __init__(
        self,
        spec: InstanceSpec,
        *,
        images: ImageStore,
        ports: PortAllocator,
        guardian: Guardian,
        log_file: Path,
        logs: LogShipper,
    ) -> None:
        self.spec = spec
        self._images = images
        self._ports = ports
        self._guardian = guardian
        self._log_file = log_file
        self._logs = logs
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._block: PortBlock | None = None
        self._scratch: Path | None = None
        self._stopped = False

    def __repr__(self) -> str:
        return f"ProcessInstance({self.spec.id!r}, image={self.spec.image!r})"

    @property
    def url(self) -> str:
        if self._block is None:
            raise InstanceError(f"Instance {self.spec.id} has not been started.")
        return f"http://127.0.0.1:{self._block.bind_port}"

    def start(self) -> None:
        snapshot = self._images.snapshot(self._images.resolve(self.spec.image))
        with self._lock:
            if self._stopped:
                raise InstanceError(f"Instance {self.spec.id} has been stopped.")
            self._end_process()
            try:
                self._block = self._ports.take()
            except OSError as error:
                raise InstanceError(str(error)) from error
            if self._scratch is None:
                # Short, because servers put unix sockets there, whose paths may have 107 bytes.
                self._scratch = Path(tempfile.mkdtemp(prefix="sagemaker-"))
                self._guardian.watch_folder(self._scratch)
            self._logs.follow(self._log_file, self.spec.log_group, self.spec.log_stream)
            with self._log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, str(snapshot / "serve"), "serve"],
                    cwd=snapshot,
                    env=self._environment(self._block, self._scratch),
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

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._end_process()
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)
                self._guardian.forget_folder(self._scratch)
                self._scratch = None
        self._logs.forget(self._log_file)

    def _end_process(self) -> None:
        """End the process group; the lock is held."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_TERMINATION_GRACE_SECONDS)
            # The group outlives its first process where that one left workers behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._guardian.forget_group(process.pid)
        if self._block is not None:
            self._ports.give_back(self._block)
            self._block = None

    def _environment(self, block: PortBlock, scratch: Path) -> dict[str, str]:
        """What the container sees. Nothing of the machine's: no credentials, no proxies."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            # The snapshot is shared by all instances of an image and stays as it was pushed.
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.spec.environment,
            "MODEL_SERVER_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(block.bind_port),
            "SAGEMAKER_SAFE_PORT_RANGE": block.safe_range,
            "SAGEMAKER_MULTI_MODEL": "true",
        }
        size = find_instance_type(self.spec.instance_type)
        if size is not None:
            environment.setdefault("MODEL_SERVER_MEMORY_MIB", str(size.memory_mib))
        return environment


class ProcessInstanceFactory:
    """Makes instances that run as processes of this machine. `logs` holds a file for each."""

    def __init__(self, images: ImageStore, guardian: Guardian, log_folder: Path, logs: LogShipper) -> None:
        self._images = images
        self._guardian = guardian
        self._log_folder = log_folder
        self._logs = logs
        self._ports = PortAllocator()

    def make(self, spec: InstanceSpec) -> ProcessInstance:
        return ProcessInstance(
            spec,
            images=self._images,
            ports=self._ports,
            guardian=self._guardian,
            log_file=self._log_folder / f"{spec.id}.log",
            logs=self._logs,
        )
