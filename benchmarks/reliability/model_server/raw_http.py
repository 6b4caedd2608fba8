"""HTTP as bytes: requests that no library would send, and the answers to them."""

import contextlib
import socket
from collections.abc import Sequence
from typing import NamedTuple


class Answer(NamedTuple):
    """One answer of a stream."""

    status: int
    body: bytes


class NotAnAnswer(ValueError):
    """The bytes are no HTTP answer."""


def answers(data: bytes) -> list[Answer]:
    """Every answer in a stream; interim ones are left out. Raises NotAnAnswer for what is none, or is cut off."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        parts = first.split(b" ", 2)
        if not end or parts[0] != b"HTTP/1.1" or len(parts) < 2 or not parts[1].isdigit():
            raise NotAnAnswer(f"not an answer: {data[:100]!r}")
        status = int(parts[1])
        if status == 100:
            data = rest
            continue
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        length = int(fields.get(b"content-length", b"-1"))
        if not 0 <= length <= len(rest):
            raise NotAnAnswer(f"an answer of {length} bytes with {len(rest)} bytes behind its head")
        found.append(Answer(status, rest[:length]))
        data = rest[length:]
    return found


def exchange(port: int, pieces: Sequence[bytes], seconds: float = 30.0) -> bytes:
    """Send pieces, close the sending half, and read to the end. Raises TimeoutError where the server never closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = bytearray()
        with contextlib.suppress(ConnectionError):  # a refused request may be answered before all of it is sent
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while data := sock.recv(65536):
                received += data
        return bytes(received)
