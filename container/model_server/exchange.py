"""An invocation answered on its connection, without an application: the body gathered, the answer sent in one piece."""

import asyncio
import http
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Protocol

import httptools
from uvicorn.protocols.http.flow_control import FlowControl

from .access_log import AccessLog
from .bodies import BodyReader
from .errors import ServerError
from .invocations import Invocations, Response, invoked_model, refusal
from .service import Request

# Bodies up to this size are gathered; larger ones go to the application piece by piece.
READ_AHEAD_BYTES = 1024 * 1024
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus}


@dataclass(frozen=True)
class DirectInvocations:
    """What a connection needs to answer invocations itself."""

    invocations: Invocations
    bodies: BodyReader
    log: AccessLog
    max_bytes: int

    def admit(self, path: str, headers: list[tuple[bytes, bytes]]) -> Request | None:
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
        return request if length is not None and length <= min(READ_AHEAD_BYTES, self.max_bytes) else None


class Connection(Protocol):
    """What an exchange needs of uvicorn's connection."""

    parser: httptools.HttpRequestParser
    transport: asyncio.Transport
    flow: FlowControl

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something that a graceful stop waits for."""

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
        path: its path.
        request: its head.
    """

    message_event = _Nobody()

    def __init__(self, connection: Connection, parts: DirectInvocations, path: str, request: Request) -> None:
        self.keep_alive = connection.parser.should_keep_alive()
        self.disconnected = False
        self.response_complete = False
        self.more_body = True
        self.body: bytes | bytearray = b""
        self._connection = connection
        self._parts = parts
        self._path = path
        self._request = request
        self._started = time.perf_counter()
        self._held_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def wait_for_body(self) -> None:
        """Not all of it has come yet: give it some time."""
        if self._timer is None:
            seconds = self._parts.bodies.body_seconds
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def add(self, piece: bytes) -> None:
        """Take the next piece of the body; a body in one piece is not copied."""
        if not self.body:
            self.body = piece
        elif isinstance(self.body, bytearray):
            self.body += piece
        else:
            self.body = bytearray(self.body) + piece

    def begin(self) -> None:
        """The body is complete: have it answered."""
        self.stop_waiting()
        body, self.body = self.body, b""  # a connection that idles afterwards keeps no body in memory
        try:
            self._parts.bodies.hold(len(body))
        except ServerError as error:
            self._answer(refusal(error, self._request))
            return
        self._held_bytes = len(body)
        self._parts.invocations.invoke(self._request, body, self._answer)

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
        """In one piece, so that the client wakes once; only then what remains to be done."""
        transport = self._connection.transport
        is_open = not transport.is_closing()
        if is_open:
            transport.writelines((_head(response, self.keep_alive), response.body))
        self._parts.log.write("POST", self._path, response.status, self._started, response.log)
        self.response_complete = True
        if is_open:
            if not self.keep_alive:
                transport.close()
            self._connection.on_response_complete()


def _head(response: Response, keep_alive: bool) -> bytes:
    fields = "".join([f"{name}: {value}\r\n" for name, value in response.headers.items()])
    close = "" if keep_alive else "connection: close\r\n"
    length = len(response.body)
    return f"{_STATUS_LINES[response.status]}{fields}{close}content-length: {length}\r\n\r\n".encode("latin-1")
