"""A client's connection in a worker's hands: the worker writes its answer there itself, and the front process, which
would only pass it on, is not on the way back. It stays the front process's connection in everything else."""

import asyncio
import os
import socket
import struct
import sys

# struct tcp_info of linux/tcp.h: bytes in the queue that were never sent; bytes sent (since Linux 4.19), and those of
# them that were sent again.
_NOT_SENT = struct.Struct("@144xI")
_SENT_AND_RETRANSMITTED = struct.Struct("@200xQQ")


class Handover:
    """Hands over the connection of one request, the front process's side.

    Args:
        transport: the connection. It must stay open after the answer.
        connection: its socket, one that `written_bytes` can tell of.
    """

    def __init__(self, transport: asyncio.Transport, connection: socket.socket) -> None:
        self._transport = transport
        self._connection = connection
        self._written_before: int | None = None

    def descriptor(self) -> int | None:
        """The connection's descriptor, to be passed on at once; None where the front process has to send the answer.

        That is where the client is gone, and where something is still to be sent to it. A descriptor kept for later
        could be another client's by then.
        """
        if self._transport.is_closing() or self._transport.get_write_buffer_size():
            return None
        self._written_before = written_bytes(self._connection)
        return self._connection.fileno()

    @property
    def is_taken(self) -> bool:
        """Whether a worker has, or had, the connection."""
        return self._written_before is not None

    @property
    def is_written(self) -> bool:
        """Whether a worker that died began to answer there: no other answer can follow then."""
        if self._written_before is None or self._transport.is_closing():
            return False
        return written_bytes(self._connection) != self._written_before


def written_bytes(connection: socket.socket) -> int | None:
    """How many bytes were ever written to a connection, by whatever process; None where the system does not tell."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or sys.platform != "linux":
        return None
    size = _SENT_AND_RETRANSMITTED.size
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    if len(told) < size:
        return None  # an older kernel
    sent, retransmitted = _SENT_AND_RETRANSMITTED.unpack(told)
    return sent - retransmitted + _NOT_SENT.unpack_from(told)[0]


def write_answer(descriptor: int, head: bytes, body: bytes) -> bytes:
    """Write to the client, the worker's side, and return what its connection did not take: a client that reads slowly
    is the front process's matter."""
    try:
        written = os.writev(descriptor, (head, body))
    except BlockingIOError:
        written = 0
    except OSError:
        return b""  # the client is gone, which the front process sees by itself
    return b"" if written == len(head) + len(body) else (head + body)[written:]
