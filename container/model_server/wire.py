"""Frames between the front process and a worker: a small JSON header and a body, over one stream socket.

One request is under way on a socket at a time, so that frames need no number.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

import orjson

_PREFIX = struct.Struct("<IQ")

Header = dict[str, object]


def pack(header: Header, body_size: int) -> bytes:
    """The bytes that go before a body. A header's integers have 64 bits at most."""
    text = orjson.dumps(header)
    return _PREFIX.pack(len(text), body_size) + text


class FrameProtocol(asyncio.Protocol):
    """The front process's end. `on_frame` gets each whole frame, `on_lost` is called once the socket is closed.

    A protocol rather than a stream: an answer wakes who waits for it once, not once for each of its parts.
    """

    def __init__(self, on_frame: Callable[[Header, bytes], None], on_lost: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        if not self._received and 0 < _frame_end(data) == len(data):
            self._deliver(data)  # the usual case: an answer that came in one piece
            return
        self._received += data
        while end := _frame_end(self._received):
            frame = bytes(memoryview(self._received)[:end])
            del self._received[:end]
            self._deliver(frame)

    def _deliver(self, frame: bytes) -> None:
        header_size, _ = _PREFIX.unpack_from(frame)
        body_start = _PREFIX.size + header_size
        self._on_frame(orjson.loads(frame[_PREFIX.size : body_start]), frame[body_start:])

    def send(self, header: Header, body: bytes | bytearray = b"") -> bool:
        """Whether the frame was taken; False when the other side is gone."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.writelines((pack(header, len(body)), body))
        return True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _frame_end(data: bytes | bytearray) -> int:
    """Where the first frame ends; 0 where it is not complete."""
    if len(data) < _PREFIX.size:
        return 0
    header_size, body_size = _PREFIX.unpack_from(data)
    end = _PREFIX.size + header_size + body_size
    return end if end <= len(data) else 0


def send_blocking(sock: socket.socket, header: Header, body: bytes = b"") -> None:
    """One frame, in one piece where the socket takes it: the other side then wakes once."""
    head = pack(header, len(body))
    sent = sock.sendmsg((head, body))
    if sent < len(head):
        sock.sendall(memoryview(head)[sent:])
        sent = len(head)
    if sent < len(head) + len(body):
        sock.sendall(memoryview(body)[sent - len(head) :])


def receive_blocking(sock: socket.socket) -> tuple[Header, bytearray]:
    """Raises EOFError when the other side is gone."""
    header_size, body_size = _PREFIX.unpack(_read(sock, _PREFIX.size))
    return orjson.loads(_read(sock, header_size)), _read(sock, body_size)


def _read(sock: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    position = 0
    while position < size:
        count = sock.recv_into(view[position:])
        if count == 0:
            raise EOFError("the front process is gone")
        position += count
    return data
