"""An invocation answered on its connection, without an application: the body gathered, the answer sent in one piece."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import httptools
from uvicorn.protocols.http.flow_control import FlowControl

from .access_log import AccessLog
from .afterwards import Afterwards
from .bodies import BodyReader
from .errors import ServerError
from .handover import Handover
from .http_answer import answer_head
from .invocations import Invocations, Response, invoked_model, refusal
from .service import Request

# Bodies up to this size are gathered; larger ones go to the application piece by piece.
READ_AHEAD_BYTES = 1024 * 1024


class Head(NamedTuple):
    """What comes before an invocation's body, and how many bytes that has."""

    path: str
    request: Request
    body_bytes: int


@dataclass(frozen=True)
class DirectInvocations:
    """What a connection needs to answer invocations itself."""

    invocations: Invocations
    bodies: BodyReader
    log: AccessLog
    afterwards: Afterwards
    max_bytes: int

    def admit(self, path: str, headers: list[tuple[bytes, bytes]]) -> Head | None:
        """The head of a POST that is answered directly; None for one that is the application's.

        That is every other request; one whose body is too large to be gathered, is chunked or waits to be asked for;
        and one that is refused.
        """
        model = invoked_model("POST", path)
        if model is None:
            return None
        try:
            request, length = self.invocations.admit(model, headers)
        except ServerError:
            return None
        if length is None or length > min(READ_AHEAD_BYTES, self.max_bytes):
            return None
        return Head(path, request, length)


class Connection(Protocol):
    """What an exchange needs of uvicorn's connection."""

    parser: httptools.HttpRequestParser
    transport: asyncio.Transport
    flow: FlowControl

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something that a graceful stop waits for."""

    def handover(self) -> Handover | None:
        """For a worker to answer there; None where that cannot be."""

    def on_response_complete(self) -> None: ...


class _Nobody:
    """In the place of the event that uvicorn wakes an application with."""

    def set(self) -> None: ...


class Exchange:
    """An invocation on a connection, from its head to its answer.

    uvicorn sees it as the connection's `cycle`: hence the public attributes and `message_event`.

    Args:
        connection: where it came from.
        parts: what answers it.
        head: its head.
        previous: the exchange that a worker is answering to this very connection, if one is. The client has its answer
            before the front process hears of it, and may ask again: this one begins when the other has ended.
    """

    message_event = _Nobody()

    def __init__(
        self,
        connection: Connection,
        parts: DirectInvocations,
        head: Head,
        previous: "Exchange | None" = None,
    ) -> None:
        self.keep_alive = connection.parser.should_keep_alive()
        self.disconnected = False
        self.response_complete = False
        self.more_body = True
        self.missing_bytes = head.body_bytes
        self._body: bytes | bytearray | memoryview = b""
        self._connection = connection
        self._parts = parts
        self._path = head.path
        self._request = head.request
        self._started = time.perf_counter()
        self._held_bytes = 0
        self._next: Exchange | None = None
        self._may_begin = previous is None
        if previous is not None:
            previous._next = self
        self._handover: Handover | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def may_be_followed(self) -> bool:
        """Whether a worker may have sent the answer already, so that another exchange can follow this one."""
        return self._handover is not None and self._handover.is_taken and self._next is None

    def wait_for_body(self) -> None:
        """Not all of it has come yet: give it some time."""
        if self._timer is None and self._may_begin:
            seconds = self._parts.bodies.body_seconds
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    @property
    def missing(self) -> memoryview:
        """Where the rest of the body belongs. Whoever writes there counts it off `missing_bytes`."""
        if not isinstance(self._body, bytearray):
            self._body = bytearray(self.missing_bytes)
        return memoryview(self._body)[len(self._body) - self.missing_bytes :]

    def add(self, piece: bytes | memoryview) -> None:
        """Take the next piece of the body. One that is all of it is not copied: it must stay until `begin` returns."""
        if len(piece) == self.missing_bytes and not self._body:
            self._body = piece
        elif piece:
            self.missing[: len(piece)] = piece
        self.missing_bytes -= len(piece)

    def begin(self) -> None:
        """The body is complete: have it answered, once the exchange before has ended."""
        self.stop_waiting()
        if not self._may_begin:
            self._body = bytes(self._body)
            return
        body, self._body = self._body, b""  # a connection that idles afterwards keeps no body in memory
        try:
            self._parts.bodies.hold(len(body))
        except ServerError as error:
            self._answer(refusal(error, self._request))
            return
        self._held_bytes = len(body)
        if self.keep_alive:
            self._handover = self._connection.handover()
        self._parts.invocations.invoke(self._request, body, self._answer, self._handover)

    def _follow(self) -> None:
        """The exchange before has ended."""
        self._may_begin = True
        if self.more_body:
            self.wait_for_body()
        else:
            self.begin()

    def stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self.keep_alive = False  # the rest of the body may still come
        self._send(refusal(self._parts.bodies.late(), self._request))

    def _answer(self, response: Response) -> None:
        self._parts.bodies.release(self._held_bytes)
        if self._connection.flow.write_paused and not self._connection.transport.is_closing():
            self._connection.spawn(self._send_drained(self._connection.flow, response))
        else:
            self._send(response)

    async def _send_drained(self, flow: FlowControl, response: Response) -> None:
        """The client has not read its earlier answers yet; those of one that never does must not fill the memory."""
        await flow.drain()
        self._send(response)

    def _send(self, response: Response) -> None:
        """In one piece, so that the client wakes once."""
        seconds = time.perf_counter() - self._started
        parts = self._parts
        parts.afterwards.call(parts.log.write, "POST", self._path, response.status, seconds, response.log)
        transport = self._connection.transport
        if response.is_sent:
            if response.body:
                transport.write(response.body)
        elif self._handover is not None and self._handover.is_written:
            transport.abort()  # a worker died in the middle of an answer: the client must not take it for a whole one
        elif not transport.is_closing():
            head = answer_head(response.status, response.headers, len(response.body), self.keep_alive)
            transport.write(head + response.body)
        self.response_complete = True
        if not transport.is_closing():
            if not self.keep_alive:
                transport.close()
            if self._next is None:
                self._connection.on_response_complete()
            else:
                self._next._follow()
