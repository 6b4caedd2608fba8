"""Frames between the front process and a worker: a small JSON header and a body, over one stream socket.

One request is under way on a socket at a time. Its answer carries its number.
"""

import asyncio
import socket
import struct
from collections.abc import Callable

import orjson

_PREFIX = struct.Struct("<IQ")
_RECEIVE_BYTES = 256 * 1024

# What the front process asks a zygote for; a socket comes with it.
FORK_WORKER = b"f"
FORK_STANDBY = b"s"

Header = dict[str, object]
Body = bytes | bytearray


def pack(header: Header, body_size: int) -> bytes:
    """The bytes that go before a body. A header's integers have 64 bits at most."""
    text = orjson.dumps(header)
    return _PREFIX.pack(len(text), body_size) + text


class FrameChannel:
    """The front process's end. `on_frame` gets each whole frame, `on_lost` is called once the socket is closed.

    On the socket itself and not through a transport, which sends only at the end of the event loop's round, and no
    descriptors. All methods belong to the event loop's thread.
    """

    def __init__(self, on_frame: Callable[[Header, bytes], None], on_lost: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._socket: socket.socket | None = None

    def open(self, sock: socket.socket) -> None:
        """Begin to receive. The socket, which does not block, is the channel's from now on."""
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._receive)

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.feed(data)
        else:
            self.close()

    def feed(self, data: bytes) -> None:
        """Take what was received."""
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

    def send(self, header: Header, body: Body = b"") -> bool:
        """Whether the frame was taken; False when the other side is gone. Only one may be under way."""
        sock = self._socket
        if sock is None:
            return False
        head = pack(header, len(body))
        try:
            sent = sock.sendmsg((head, body))
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return False
        if sent < len(head) + len(body):
            self._unsent = memoryview(head + body)[sent:]
            asyncio.get_running_loop().add_writer(sock, self._send_rest)
        return True

    def _send_rest(self) -> None:
        if self._socket is None:
            return
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        if not self._unsent:
            asyncio.get_running_loop().remove_writer(self._socket)

    def close(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        loop.call_soon(self._on_lost)


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
    """A frame's header and body. Raises EOFError when the other side is gone."""
    header_size, body_size = _PREFIX.unpack(_read(sock, _PREFIX.size))
    header = orjson.loads(_read(sock, header_size))
    return header, _read(sock, body_size)


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
