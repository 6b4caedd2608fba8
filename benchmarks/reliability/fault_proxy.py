"""The network between the commands and the local AWS, as a proxy that can fail at a chosen request.

From that request on, connections are reset and new ones refused, until `restore`. The account behind it survives.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with 0 seconds: `close` sends RST instead of FIN."""
_NOT_RELAYED = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})


@dataclass(frozen=True)
class Request:
    """What a fault is chosen by: the method, the path, and AWS's name of the operation (`SageMaker.CreateModel`)."""

    method: str
    path: str
    operation: str


class FaultProxy:
    """Relays HTTP to `upstream` from a free port of loopback, within a `with` block.

    Answers below `/_local/` name the proxy's address in place of the upstream's, so that programs that ask the
    local AWS for variables come through the proxy.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._matches: Callable[[Request], bool] | None = None
        self._answer_lost = False
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._port = 0
        self.fired = threading.Event()
        """Set once the chosen request has come."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.restore()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._cut()

    def fail_from(self, matches: Callable[[Request], bool], *, answer_lost: bool) -> None:
        """Fail from the first request on for which `matches` is true.

        Args:
            matches: chooses the request.
            answer_lost: relay this request, and lose its answer. Otherwise the request itself is lost.
        """
        self.fired.clear()
        self._answer_lost = answer_lost
        self._matches = matches

    def restore(self) -> None:
        """Relay again, at the same port."""
        self._matches = None
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(128)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: Any) -> None:
        with self._lock:
            if self._listener is None:
                _reset(connection)
                return
            self._connections.add(connection)
        try:
            # A connection that is cut ends in the middle of what the handler does.
            with contextlib.suppress(OSError, ValueError):
                _Handler(connection, peer, self)  # type: ignore[arg-type]
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _cut(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
                listener.close()
            for connection in self._connections:
                _reset(connection)
            self._connections.clear()

    def relay(self, request: Request, headers: list[tuple[str, str]], body: bytes) -> tuple[int, Any, bytes] | None:
        """The upstream's status, headers and body; None where the fault begins here."""
        begins = self._matches is not None and self._matches(request)
        if begins and not self._answer_lost:
            self._begin()
            return None
        upstream = http.client.HTTPConnection(self._upstream, timeout=600)
        try:
            upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if begins:
            self._begin()
            return None
        if request.path.startswith("/_local/"):
            content = content.replace(self._upstream.encode(), f"127.0.0.1:{self._port}".encode())
        return answer.status, answer.headers, content

    def _begin(self) -> None:
        self._matches = None
        self._cut()
        self.fired.set()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: FaultProxy  # type: ignore[assignment]

    def _relay(self) -> None:
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in _NOT_RELAYED]
        operation = self.headers.get("X-Amz-Target", "")
        answer = self.server.relay(Request(self.command, self.path, operation), headers, self._body())
        if answer is None:
            self.close_connection = True
            return
        status, given, content = answer
        self.send_response_only(status)
        for name, value in given.items():
            if name.lower() not in _NOT_RELAYED:
                self.send_header(name, value)
        length = given.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        if status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _relay

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
