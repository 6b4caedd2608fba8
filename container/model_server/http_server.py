"""uvicorn, with a bound on a request's head, and an exit code of 0 after a graceful stop. Invocations that it receives
whole are answered by exchanges; everything else is the application's."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .exchange import READ_AHEAD_BYTES, DirectInvocations, Exchange
from .handover import Handover, written_bytes

MAX_HEAD_BYTES = 64 * 1024
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: 46\r\n\r\nthe request's head is larger than 65536 bytes\n"
)


class ServerProtocol(HttpToolsProtocol):
    """uvicorn's connection, with a bound on the head, which httptools would collect at any size, and with `Exchange`s
    in the place of uvicorn's cycles where it answers itself."""

    # Whether the next byte is the first of a request.
    between_messages = True
    _head_open = False
    _head_bytes = 0

    def __init__(self, *arguments, invocations: DirectInvocations, **named) -> None:
        super().__init__(*arguments, **named)
        self._invocations = invocations

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._socket = transport.get_extra_info("socket")
        self._can_be_handed_over = self._socket is not None and written_bytes(self._socket) is not None

    def handover(self) -> Handover | None:
        """For a worker to answer here; None where that cannot be."""
        return Handover(self.transport, self._socket) if self._can_be_handed_over else None

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something that a graceful stop waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def data_received(self, data: bytes | memoryview) -> None:
        if self.transport.is_closing():
            return
        is_head = self._head_open or self.between_messages
        super().data_received(data)  # type: ignore[arg-type]
        # Bytes that are all a head's, and do not complete it. What follows a body in one chunk counts from the next on.
        self._head_bytes = self._head_bytes + len(data) if is_head and self._head_open else 0
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def take_body_over(self) -> Exchange | None:
        """After a head: the exchange whose body comes next, which the parser is not to see. None where it is to."""
        exchange = self.cycle
        if self.between_messages or not isinstance(exchange, Exchange) or self.transport.is_closing():
            return None
        self.parser = httptools.HttpRequestParser(self)  # what it knows ends with this head
        return exchange

    def wait_for_body(self) -> None:
        """All that was received is dealt with: if a body is not complete, give it some time."""
        exchange = self.cycle
        if isinstance(exchange, Exchange) and exchange.more_body:
            exchange.wait_for_body()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if isinstance(self.cycle, Exchange):
            self.cycle.stop_waiting()

    def on_message_begin(self) -> None:
        self.between_messages = False
        self._head_open = True
        self._fields_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers arrive here too, after the body.
        self._count(len(name) + len(value) + 4)  # with colon, space and line end
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._fields_bytes += size
        if self._fields_bytes > MAX_HEAD_BYTES:
            raise httptools.HttpParserError("the request's head is too large")  # answered 400, connection closed

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        exchange = self._exchange()
        if exchange is None:
            super().on_headers_complete()
        else:
            self.cycle = exchange  # type: ignore[assignment]

    def _exchange(self) -> Exchange | None:
        """An exchange for the head that is complete now; None where the application is to answer it."""
        parser, url, previous = self.parser, self.url, self.cycle
        if previous is not None and previous.response_complete:
            previous = None
        # A request that was sent before the one ahead of it is answered waits in uvicorn's queue.
        is_ahead = previous is not None and not (isinstance(previous, Exchange) and previous.may_be_followed)
        is_plain = url.isascii() and b"%" not in url and not (self._chunked or self.expect_100_continue)
        if is_ahead or not is_plain or parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        path = url.decode("ascii")
        head = self._invocations.admit(path, self.headers)
        return None if head is None else Exchange(self, self._invocations, head, previous)

    def on_body(self, body: bytes) -> None:
        # uvicorn wakes the application for each piece, and pauses reading at 64 KiB until it took them: several
        # rounds for one photograph. Here pieces of up to 1 MiB gather, and the body's end wakes it. Not so with
        # chunks: whether they are too many is known only by counting, and no end may follow.
        cycle = self.cycle
        if isinstance(cycle, Exchange):
            cycle.add(body)
        elif self._chunked or len(cycle.body) + len(body) > READ_AHEAD_BYTES:
            super().on_body(body)
        elif not cycle.response_complete:
            cycle.body += body

    def on_message_complete(self) -> None:
        self.between_messages = True
        super().on_message_complete()
        exchange = self.cycle
        if isinstance(exchange, Exchange) and not exchange.response_complete:
            exchange.begin()


class GracefulServer(uvicorn.Server):
    """Ends with success after SIGTERM. uvicorn itself raises the signal again once it has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield
