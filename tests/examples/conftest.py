"""A web server on this machine whose answers a test writes, and MXNet."""

import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

with warnings.catch_warnings():
    # MXNet 1.9.1 reads names that NumPy 1.23 deprecates (numpy.bool, numpy.mirr, ...) while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet  # noqa: F401


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    declared_bytes: int | None = None
    """What Content-Length says, where it is more than what is sent before the connection breaks."""


@dataclass
class WebServer:
    url: str
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Answer] = lambda _: Answer(status=404)


def serve_file(content: bytes, request: Request, *, limit_bytes: int | None = None) -> Answer:
    """Answer as a web server does that knows ranges; breaks off after `limit_bytes`."""
    first = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if first >= len(content):
        return Answer(status=416)
    rest = content[first:]
    sent = rest if limit_bytes is None else rest[:limit_bytes]
    if "range" not in request.headers:
        return Answer(sent, declared_bytes=len(rest))
    headers = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
    return Answer(sent, 206, headers, declared_bytes=len(rest))


@pytest.fixture
def web() -> Iterator[WebServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, self.rfile.read(int(headers.get("content-length", 0))))
            state.requests.append(request)
            answer = state.answer(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.declared_bytes is None else answer.declared_bytes
            self.send_header("Content-Length", str(length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True

        do_POST = do_GET

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = WebServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
