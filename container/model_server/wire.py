"""Frames between the front process and a worker: a small JSON header and a body, over one stream socket.

One request is under way on a socket at a time, so that frames need no number.
"""

import asyncio
import json
import socket
import struct

_PREFIX = struct.Struct("<IQ")

Header = dict[str, object]


def pack(header: Header, body_size: int) -> bytes:
    """The bytes that go before a body."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return _PREFIX.pack(len(text), body_size) + text


async def send(writer: asyncio.StreamWriter, header: Header, body: bytes = b"") -> None:
    writer.writelines((pack(header, len(body)), body))
    await writer.drain()


async def receive(reader: asyncio.StreamReader) -> tuple[Header, bytes]:
    """Raises asyncio.IncompleteReadError or ConnectionError when the other side is gone."""
    header_size, body_size = _PREFIX.unpack(await reader.readexactly(_PREFIX.size))
    header = json.loads(await reader.readexactly(header_size))
    return header, await reader.readexactly(body_size) if body_size else b""


def send_blocking(sock: socket.socket, header: Header, body: bytes = b"") -> None:
    sock.sendall(pack(header, len(body)))
    if body:
        sock.sendall(body)


def receive_blocking(sock: socket.socket) -> tuple[Header, bytearray]:
    """Raises EOFError when the other side is gone."""
    header_size, body_size = _PREFIX.unpack(_read(sock, _PREFIX.size))
    return json.loads(_read(sock, header_size)), _read(sock, body_size)


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
