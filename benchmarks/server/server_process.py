"""A model server that runs for a measure: start, talk the multi-model contract, stop."""

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from .errors import BenchmarkError, UnexpectedAnswerError
from .load_generator import Invocation, model_invocation
from .processes import Memory, measure_memory, process_tree, processor_seconds

START_TIMEOUT_SECONDS = 90
REQUEST_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 35
# Servers close connections that nobody uses, MLServer after 5 s: one that was idle for so long is opened again.
IDLE_SECONDS = 2.0


def free_port() -> int:
    """A free TCP port of the loopback interface, below 32,767: multi-model-server takes no higher one."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchmarkError("no free TCP port between 20000 and 32000 in a hundred tries")


class ModelServerClient:
    """Speaks the multi-model contract to a server on loopback, over one kept connection. For one thread.

    Args:
        name: the server's, for messages.
        port: the server's.
    """

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of one request on the kept connection. Raises OSError when the server cannot be reached."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_TIMEOUT_SECONDS)
        try:
            self._connection.request(method, path, body=body, headers=dict(headers or {}))
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(f"{self.name}: {method} {path}: {error}") from error
        finally:
            self._used_at = time.monotonic()

    def load(self, model: str, directory: Path) -> None:
        """Load the model from an extracted artifact. Raises UnexpectedAnswerError unless the server answers 200."""
        body = json.dumps({"model_name": model, "url": str(directory)}).encode()
        status, answer = self.request("POST", "/models", body, {"Content-Type": "application/json"})
        if status != 200:
            raise UnexpectedAnswerError(f"{self.name}: load of {model}", status, answer)

    def unload(self, model: str) -> None:
        """Unload the model. Raises UnexpectedAnswerError unless the server answers 200."""
        status, answer = self.request("DELETE", f"/models/{model}")
        if status != 200:
            raise UnexpectedAnswerError(f"{self.name}: unload of {model}", status, answer)

    def accounted_bytes(self) -> int | None:
        """What the server says in its metrics that it holds; None where it does not tell."""
        status, answer = self.request("GET", "/metrics")
        found = re.search(rb"^model_server_memory_used_bytes (\S+)$", answer, re.MULTILINE) if status == 200 else None
        return None if found is None else int(float(found[1]))

    def invocation(self, model: str, body: bytes, content_type: str) -> Invocation:
        """A request for the model's answer, in the server's protocol."""
        return model_invocation(model, body, content_type)

    def invoke(self, model: str, body: bytes, content_type: str = "image/jpeg") -> bytes:
        """The model's answer. Raises UnexpectedAnswerError unless the server answers 200."""
        invocation = self.invocation(model, body, content_type)
        status, answer = self.request("POST", invocation.path, invocation.body, invocation.headers)
        if status != 200:
            raise UnexpectedAnswerError(f"{self.name}: invoke of {model}", status, answer)
        return answer


class ServerProcess(ModelServerClient):
    """A server in a process group of its own; a context manager that leaves no process behind.

    Args:
        name: for messages and the log file's name.
        command: program and arguments.
        environment: variables added to (or replacing) this process's.
        directory: working directory, made when missing; the log file is written beside it.
        port: loopback port the command was told to listen on.
    """

    ready_path = "/ping"
    """Answers 200 as soon as models can be loaded."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path, port: int
    ) -> None:
        super().__init__(name, port)
        self._command = list(command)
        self._environment = dict(os.environ) | dict(environment)
        self._directory = directory
        self.log_path = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def prepare(self, model: str, directory: Path) -> Path:
        """What `load` takes for the artifact: the folder as the server wants it to be. Not part of a cold start."""
        return directory

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                status, _ = self.request("GET", self.ready_path)
            except OSError:
                status = 0
            if status == 200:
                return
            time.sleep(0.1)
        tail = self.log_path.read_text(errors="replace")[-2000:]
        raise BenchmarkError(f"{self.name} did not become ready; the end of {self.log_path}:\n{tail}")

    def stop(self) -> None:
        """SIGTERM to the server, then SIGKILL to whatever of its processes is left."""
        self.close()
        process, self._process = self._process, None
        if process is None:
            return
        members = {psutil.Process(pid) for pid in process_tree(process.pid) if psutil.pid_exists(pid)}
        # The whole group: multi-model-server's launcher does not hand the signal on to its Java process.
        for member in members:
            if member.is_running():
                member.send_signal(signal.SIGTERM)
        psutil.wait_procs(list(members), timeout=STOP_TIMEOUT_SECONDS)
        for member in members:
            if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                member.kill()
        process.wait()

    @property
    def pid(self) -> int:
        """Id of the server's first process. Raises BenchmarkError when it does not run."""
        if self._process is None:
            raise BenchmarkError(f"{self.name} does not run")
        return self._process.pid

    def memory(self) -> Memory:
        """Memory of all of the server's processes now."""
        return measure_memory(self.pid)

    def processor_seconds(self) -> float:
        """Processor time that all of the server's processes have used so far."""
        return processor_seconds(self.pid)

    def client(self) -> ModelServerClient:
        """Another client of the server, for another thread."""
        return ModelServerClient(self.name, self.port)
