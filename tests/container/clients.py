"""Two ways to send the same request to a model server: to the application in this process, and over HTTP."""

import asyncio
import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import psutil

from container.model_server.errors import ServerError
from container.model_server.http.answers import Answer, refusal
from container.model_server.http.bodies import SizedBody
from container.model_server.http.heads import Head
from container.model_server.main import assemble
from container.model_server.memory import anonymous_bytes
from container.model_server.settings import read_settings
from container.model_server.telemetry.events import EventLog
from container.model_server.telemetry.tracing import identify

SERVE = Path(__file__).parents[2] / "container" / "serve"
FORMS_FOLDER = "MODEL_SERVER_OPTIMISED_FOLDER"
_READY_SECONDS = 90.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)

    def error(self) -> tuple[int, str]:
        """Status and kind, after checking that the body is a proper error: a sentence and never a traceback."""
        fields = self.json()
        assert fields.keys() == {"code", "type", "message"}
        assert fields["code"] == self.status
        assert fields["message"]
        assert "Traceback" not in fields["message"]
        return self.status, fields["type"]


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def _events(text: str) -> list[dict]:
    """The event lines among what a server wrote; CloudWatch's metrics stand between them."""
    return [line for line in map(json.loads, text.splitlines()) if "event" in line]


class Client(Protocol):
    def __init__(self, environment: Mapping[str, str]) -> None: ...
    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply: ...
    def close(self) -> None: ...
    def wait_until_ready(self) -> None: ...
    def load(self, name: str, directory: Path) -> Reply: ...
    def unload(self, name: str) -> Reply: ...
    def invoke(self, name: str, body: bytes, content_type: str, accept: str = "") -> Reply: ...
    def events(self) -> list[dict]: ...
    def metrics(self) -> dict[str, float]: ...
    @contextmanager
    def loaded(self, name: str, directory: Path) -> Iterator[None]: ...


class _Calls:
    """What both clients do with their `request`."""

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.request("GET", "/ping").status == 200:
                    return
            except OSError:
                pass  # not listening yet
            time.sleep(0.05)
        raise AssertionError(f"the server was not ready within {_READY_SECONDS:g} s")

    def load(self, name: str, directory: Path) -> Reply:
        body = json.dumps({"model_name": name, "url": str(directory)}).encode()
        return self.request("POST", "/models", body, {"content-type": "application/json"})

    def unload(self, name: str) -> Reply:
        return self.request("DELETE", f"/models/{name}")

    def invoke(self, name: str, body: bytes, content_type: str, accept: str = "") -> Reply:
        headers = {"content-type": content_type} | ({"accept": accept} if accept else {})
        return self.request("POST", f"/models/{name}/invoke", body, headers)

    def metrics(self) -> dict[str, float]:
        lines = self.request("GET", "/metrics").body.decode().splitlines()
        return {
            name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        }

    @contextmanager
    def loaded(self, name: str, directory: Path) -> Iterator[None]:
        reply = self.load(name, directory)
        assert reply.status == 200, reply.body
        try:
            yield
        finally:
            assert self.unload(name).status in (200, 404)


class InProcessClient(_Calls):
    """Asks the routes on an event loop of its own, without a connection. The workers are processes all the same."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        settings = read_settings({FORMS_FOLDER: os.environ[FORMS_FOLDER], **environment})
        self._output = io.BytesIO()
        self._service, self._hall = assemble(settings, EventLog(self._output))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._await(self._start())

    async def _start(self) -> None:
        self._service.start()

    def _await(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        url = urlsplit(path)
        fields = {name.lower(): value for name, value in (headers or {}).items()}
        return self._await(self._request(Head(method, unquote(url.path), url.query, fields, len(body)), body))

    async def _request(self, head: Head, body: bytes) -> Reply:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        identify(head.fields)
        try:
            accepted = self._hall.application.accept(head)
            SizedBody(len(body), accepted.max_body_bytes, self._hall.bodies).release()
            accepted.answer(bytearray(body), answered.set_result)
            answer = await answered
        except ServerError as error:
            answer = refusal(error)
        seconds = time.perf_counter() - started
        self._hall.log.write(head, answer.status, seconds, answer.log)
        return Reply(answer.status, dict(answer.fields), answer.body)

    def events(self) -> list[dict]:
        return _events(self._output.getvalue().decode())

    def close(self) -> None:
        self._await(self._service.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class HttpClient(_Calls):
    """Runs `container/serve` as SageMaker does, and talks HTTP to it."""

    def __init__(
        self, environment: Mapping[str, str], before: Callable[[], None] | None = None, stdout: int | None = None
    ) -> None:
        """`before` is called in the server's process before it starts; `stdout` takes its lines instead of `events`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._shared_workers = int(environment.get("MODEL_SERVER_WORKERS", "1"))
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        fixed = {"MODEL_SERVER_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(self.port)}
        self.process = subprocess.Popen(
            [sys.executable, str(SERVE), "serve"],
            env={**os.environ, **fixed, **environment},
            stdout=self._output if stdout is None else stdout,
            stderr=self.errors,
            preexec_fn=before,  # noqa: PLW1509 - the tests that use it have no other threads
        )

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are; the head of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            received = b""
            with contextlib.suppress(ConnectionError):  # a refused request may be answered before all of it is sent
                sock.sendall(data)
            with contextlib.suppress(ConnectionError):
                while b"\r\n\r\n" not in received and (chunk := sock.recv(65536)):
                    received += chunk
            return received

    def events(self) -> list[dict]:
        if self.process.poll() is None:
            wait_for(lambda: self.metrics()["model_server_log_bytes_waiting"] == 0, "all lines are written")
        self._output.seek(0)
        return _events(self._output.read().decode())

    def error_text(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode()

    def processes(self) -> list[psutil.Process]:
        """All processes of the server."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def anonymous_bytes(self) -> int:
        """Resident memory of all processes that no file backs. (Unique memory would count the libraries' pages as well,
        or not, as other programs happen to map the same files.)"""
        return sum(anonymous_bytes(process.pid) for process in self.processes())

    def workers(self) -> list[psutil.Process]:
        """The workers that models share: the first children of the process they are forked from, or who replaced them.
        Those of artifacts with code come later."""
        (zygote,) = psutil.Process(self.process.pid).children()
        return zygote.children()

    def own_workers(self) -> list[psutil.Process]:
        """The workers of artifacts with code, where none of the shared ones was replaced."""
        return self.workers()[self._shared_workers :]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        self._output.close()
        self.errors.close()
