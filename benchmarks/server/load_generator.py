"""Clients that ask without a pause: one thread, plain sockets, the request's bytes made once.

Kept this lean because it shares the machine's cores with the server it measures; `Load.client_cpu_seconds` is what
it took.
"""

import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import BenchmarkError

RECEIVE_BYTES = 1 << 18
STALL_SECONDS = 60


@dataclass
class Load:
    """What the clients saw.

    Attributes:
        latencies_seconds: each request's time from its first byte sent to its last byte received, as they completed.
        failures: requests answered with another status than 200.
        wall_seconds: from the first request's start to the last answer.
        client_cpu_seconds: processor time that the clients themselves used.
    """

    latencies_seconds: list[float] = field(default_factory=list)
    failures: int = 0
    wall_seconds: float = 0.0
    client_cpu_seconds: float = 0.0

    @property
    def requests_per_second(self) -> float:
        return len(self.latencies_seconds) / self.wall_seconds


@dataclass(frozen=True)
class Invocation:
    """A request to a model, in its server's own protocol.

    Attributes:
        path: of the URL.
        headers: without Host and Content-Length.
        body: as sent.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes


def model_invocation(model: str, body: bytes, content_type: str) -> Invocation:
    """An invocation in SageMaker's multi-model contract."""
    return Invocation(f"/models/{model}/invoke", {"Content-Type": content_type, "Accept": "application/json"}, body)


def request_bytes(invocation: Invocation, port: int) -> bytes:
    """An invocation as it goes over the wire."""
    headers = {"Host": f"127.0.0.1:{port}", **invocation.headers, "Content-Length": str(len(invocation.body))}
    lines = [f"POST {invocation.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + invocation.body


class AnswerReader:
    """Reads one HTTP answer with a Content-Length from pieces of a stream.

    Raises BenchmarkError for an answer without one.
    """

    def __init__(self) -> None:
        self._received = bytearray()
        self._end: int | None = None
        self.status = 0

    def feed(self, piece: bytes) -> bool:
        """Take the next piece; whether the answer is complete."""
        self._received += piece
        if self._end is None:
            head_end = self._received.find(b"\r\n\r\n")
            if head_end < 0:
                return False
            head = bytes(self._received[:head_end]).decode("latin-1").lower().split("\r\n")
            self.status = int(head[0].split()[1])
            lengths = [line.split(":", 1)[1] for line in head[1:] if line.startswith("content-length:")]
            if not lengths:
                raise BenchmarkError("the server's answer has no Content-Length")
            self._end = head_end + 4 + int(lengths[0])
        return len(self._received) >= self._end


class _Client:
    def __init__(self, port: int, request: memoryview, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=STALL_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._request = request
        self._selector = selector
        self._events = selectors.EVENT_READ
        selector.register(self.socket, self._events, self)

    def start(self) -> None:
        self._unsent = self._request
        self.answer = AnswerReader()
        self.started = time.perf_counter()
        self.send()

    def send(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            events = selectors.EVENT_READ
        except BlockingIOError:
            events = selectors.EVENT_READ | selectors.EVENT_WRITE
        if events != self._events:
            self._selector.modify(self.socket, events, self)
            self._events = events


def generate_load(port: int, request: bytes, clients: int, seconds: float) -> Load:
    """Let `clients` clients, each with a kept connection, repeat the request for `seconds`.

    Raises BenchmarkError when the server closes a connection or does not answer for a minute.
    """
    load = Load()
    view = memoryview(request)
    with selectors.DefaultSelector() as selector:
        asking = [_Client(port, view, selector) for _ in range(clients)]
        try:
            cpu_started, started = time.process_time(), time.perf_counter()
            deadline = started + seconds
            for client in asking:
                client.start()
            running = len(asking)
            while running:
                ready = selector.select(STALL_SECONDS)
                if not ready:
                    raise BenchmarkError(f"no answer from port {port} for {STALL_SECONDS} s")
                for key, events in ready:
                    client: _Client = key.data
                    if events & selectors.EVENT_WRITE:
                        client.send()
                    if not events & selectors.EVENT_READ:
                        continue
                    piece = client.socket.recv(RECEIVE_BYTES)
                    if not piece:
                        raise BenchmarkError(f"the server on port {port} closed a connection in the middle of a run")
                    if not client.answer.feed(piece):
                        continue
                    now = time.perf_counter()
                    load.latencies_seconds.append(now - client.started)
                    load.failures += client.answer.status != 200
                    if now < deadline:
                        client.start()
                    else:
                        running -= 1
            load.wall_seconds = time.perf_counter() - started
            load.client_cpu_seconds = time.process_time() - cpu_started
        finally:
            for client in asking:
                client.socket.close()
    return load
