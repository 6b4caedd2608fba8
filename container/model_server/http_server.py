"""uvicorn, with a bound on a request's head and an exit code of 0 after a graceful stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
_READ_AHEAD_BYTES = 1024 * 1024
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: 46\r\n\r\nthe request's head is larger than 65536 bytes\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """httptools collects a head of any size in memory; this refuses what is larger than MAX_HEAD_BYTES."""

    _head_open = True
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        # Bytes of chunks within which no head was completed. A chunk is at most 256 KiB.
        self._head_bytes = self._head_bytes + len(data) if self._head_open else 0
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._head_open = True
        self._fields_bytes = 0
        self._chunked = False
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers arrive here too, after the body.
        self._count(len(name) + len(value) + 4)  # with colon, space and line end
        self._chunked = self._chunked or name.lower() == b"transfer-encoding"
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._fields_bytes += size
        if self._fields_bytes > MAX_HEAD_BYTES:
            raise httptools.HttpParserError("the request's head is too large")  # answered 400, connection closed

    def on_body(self, body: bytes) -> None:
        # uvicorn wakes the application for each piece, and pauses reading at 64 KiB until it took them: several
        # rounds for one photograph. Here pieces of up to 1 MiB gather, and the body's end wakes it. Not so with
        # chunks: whether they are too many is known only by counting, and no end may follow.
        cycle = self.cycle
        if self._chunked or len(cycle.body) + len(body) > _READ_AHEAD_BYTES:
            super().on_body(body)
        elif not cycle.response_complete:
            cycle.body += body

    def on_headers_complete(self) -> None:
        self._head_open = False
        super().on_headers_complete()


class GracefulServer(uvicorn.Server):
    """Ends with success after SIGTERM. uvicorn itself raises the signal again once it has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield
