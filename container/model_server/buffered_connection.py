"""A connection's bytes on their way in: read into one buffer that all connections share, and from there, where a worker
is free, handed on to it without copies in between.

uvloop asks a protocol where to read to only if it is no `asyncio.Protocol`, which uvicorn's is: hence two.
"""

import asyncio

from .exchange import Exchange
from .http_server import ServerProtocol

_HEAD_END = b"\r\n\r\n"
# What is read is dealt with before anything else is read.
_BYTES = bytearray(256 * 1024)
_BUFFER = memoryview(_BYTES)


class BufferedConnection(asyncio.BufferedProtocol):
    """Feeds a `ServerProtocol` with everything but the bodies of exchanges, which the parser would copy."""

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol
        # The one whose body has begun and goes on in the next bytes.
        self._exchange: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        self._exchange = None
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to. The rest of a body is read into its place."""
        return _BUFFER if self._exchange is None else self._exchange.missing

    def buffer_updated(self, nbytes: int) -> None:
        if self._exchange is None:
            self._received(nbytes)
        else:
            self._exchange.missing_bytes -= nbytes
            self._go_on_with(self._exchange)

    def _received(self, size: int) -> None:
        protocol = self._protocol
        start = 0
        while start < size and not protocol.transport.is_closing():
            head_end = _BYTES.find(_HEAD_END, start, size) if protocol.between_messages else -1
            end = size if head_end < 0 else head_end + len(_HEAD_END)
            protocol.data_received(_BUFFER[start:end])
            start = end
            exchange = protocol.take_body_over() if head_end >= 0 else None
            if exchange is not None:
                length = min(exchange.missing_bytes, size - start)
                exchange.add(_BUFFER[start : start + length])
                start += length
                self._go_on_with(exchange)
        protocol.wait_for_body()

    def _go_on_with(self, exchange: Exchange) -> None:
        """More of a body has come: begin to answer, or wait for the rest."""
        self._exchange = exchange if exchange.missing_bytes else None
        if self._exchange is None:
            self._protocol.on_message_complete()
