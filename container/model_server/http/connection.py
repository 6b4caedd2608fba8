"""A client's connection: one request after the other, each with its body and its answer.

The next request is looked at when the one before it is answered, so that answers keep their order and what stands
behind a request, garbage included, never overtakes it. What has come of it meanwhile is kept, up to a bound.
"""

import asyncio
import select
import socket
import time
from collections.abc import Callable
from enum import Enum, auto

from ..errors import QueueFull, RequestTimeout, ServerError
from ..telemetry.tracing import identify
from .answers import CONTINUE, Answer, failure, head_bytes, refusal
from .bodies import Body, ChunkedBody, SizedBody
from .hall import Accepted, Hall
from .heads import MAX_HEAD_BYTES, BadHead, Head, HeadReader

# Read into one buffer that all connections share: what is read is dealt with before anything else is read.
_BUFFER = memoryview(bytearray(256 * 1024))
_MAX_AHEAD_BYTES = 256 * 1024
_IDLE_SECONDS = 75.0
# A body that follows a refusal is read and dropped: a client that still sends would lose the answer otherwise.
_MAX_DROPPED_BYTES = 8 * 1024 * 1024
_MAX_LINGERING_BYTES = 1024 * 1024
_LINGER_SECONDS = 5.0


class _Phase(Enum):
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()  # until the answer is ready, and the client took those before
    DROP = auto()  # the rest of a body whose request was refused
    LINGER = auto()  # nothing more is answered


class Connection(asyncio.BufferedProtocol):
    """Belongs to the event loop's thread, like all it calls."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._phase = _Phase.HEAD
        self._reader = HeadReader()
        self._head: Head | None = None
        self._request_id = ""
        self._accepted: Accepted | None = None
        self._body: Body | None = None
        self._drop_bytes = 0
        self._ahead = bytearray()
        self._is_reading = False
        self._is_paused = False
        self._is_ended = False  # the client sends no more
        self._is_blocked = False  # the client does not read its answers
        self._started = 0.0
        self._abandon: Callable[[], None] | None = None
        self._deadline = 0.0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        if len(self._hall.connections) >= self._hall.max_connections:
            message = f"{self._hall.max_connections} connections are open; try again later"
            self._write(failure(503, "TooManyConnections", message), keep_alive=False)
            self._transport.close()
            self._phase = _Phase.LINGER
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._hall.connections.add(self)
        self._wait(_IDLE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hall.connections.discard(self)
        self._phase = _Phase.LINGER
        self._ahead.clear()
        if self._abandon is not None:
            self._abandon()
        elif self._body is not None:
            self._body.release()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to: a body that is on its way into its own place, all else into the shared buffer."""
        if self._phase is _Phase.BODY and isinstance(self._body, SizedBody):
            return self._body.rest
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        if self._phase is _Phase.BODY and isinstance(self._body, SizedBody):
            self._body.wrote(nbytes)
            self._answer_if_complete(self._body)
        else:
            self._received(_BUFFER[:nbytes])

    def eof_received(self) -> bool:
        """The client sends no more, but may wait for its answer: half-closed, or gone altogether, which look the same.
        An interim answer shows: it makes the system of a client that is gone break the connection off."""
        self._is_ended = True
        if self._phase is not _Phase.ANSWER:
            return False
        if self._head is not None and self._head.may_be_told:
            self._transport.write(CONTINUE)
        return True

    def pause_writing(self) -> None:
        self._is_blocked = True

    def resume_writing(self) -> None:
        self._is_blocked = False
        if self._phase is _Phase.ANSWER and self._head is None:
            self._next()

    # What the server calls.

    def check(self, now: float) -> None:
        if self._transport.is_closing():
            if now >= self._deadline:
                self._transport.abort()  # the client does not read what is left to send
        elif self._phase is _Phase.ANSWER and self._is_ended and self._is_broken():
            self._transport.abort()
        elif now >= self._deadline:
            self._expire()

    def close_if_idle(self) -> None:
        if self._phase is _Phase.HEAD and not self._reader.has_begun:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    @property
    def body_since(self) -> float | None:
        return self._started if self._phase is _Phase.BODY and self._body is not None else None

    def give_way(self) -> None:
        slow = QueueFull("the body came slowly, and others needed its memory; try again later")
        self._answer_early(refusal(slow), keep_alive=False)

    def _is_broken(self) -> bool:
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        return bool(poll.poll(0))

    def _expire(self) -> None:
        if self._phase is _Phase.HEAD and self._reader.has_begun:
            self._refuse(BadHead(408, f"the request's head did not arrive within {self._hall.head_seconds:g} s"))
        elif self._phase is _Phase.BODY:
            late = RequestTimeout(f"the body did not arrive within {self._hall.body_seconds:g} s")
            self._answer_early(refusal(late), keep_alive=False)
        elif self._phase is not _Phase.ANSWER or self._head is None:
            self._transport.abort()

    def _wait(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    # Reading.

    def _received(self, data: memoryview) -> None:
        self._is_reading = True
        self._read(data)
        self._is_reading = False
        if self._is_ended and self._phase is not _Phase.ANSWER:
            self._transport.close()

    def _read(self, data: memoryview) -> None:
        while len(data):
            if self._phase is _Phase.HEAD:
                data = data[self._read_head(data) :]
            elif self._phase is _Phase.BODY:
                data = data[self._read_body(data) :]
            elif self._phase is _Phase.DROP:
                size = min(len(data), self._drop_bytes)
                self._drop_bytes -= size
                data = data[size:]
                if not self._drop_bytes:
                    self._begin_head()
            elif self._phase is _Phase.ANSWER:
                self._ahead += data
                if len(self._ahead) > _MAX_AHEAD_BYTES and not self._is_paused:
                    self._is_paused = True
                    self._transport.pause_reading()
                return
            else:
                self._drop_bytes -= len(data)
                if self._drop_bytes < 0:
                    self._transport.abort()
                return

    def _read_head(self, data: memoryview) -> int:
        had_begun = self._reader.has_begun
        try:
            size = self._reader.feed(bytes(data[: MAX_HEAD_BYTES + 1]))
            head = self._reader.head()
        except BadHead as error:
            self._refuse(error)
            return len(data)
        if head is not None:
            self._begin_body(head, len(data) > size)
        elif not had_begun and self._reader.has_begun:
            self._wait(self._hall.head_seconds)
        return size

    def _begin_body(self, head: Head, has_more: bool) -> None:
        self._head = head
        self._request_id = identify(head.fields)
        self._started = time.perf_counter()
        self._phase = _Phase.BODY
        self._wait(self._hall.body_seconds)
        try:
            self._accepted = self._hall.application.accept(head)
            self._body = self._new_body(head.length, self._accepted.max_body_bytes)
        except ServerError as error:
            self._answer_early(refusal(error), self._can_drop(head, has_more))
            return
        if head.expects_continue and head.may_be_told and not has_more and not self._body.is_complete:
            self._transport.write(CONTINUE)
        self._answer_if_complete(self._body)

    def _new_body(self, length: int | None, limit: int) -> Body:
        """Raises ServerError."""
        if length is None:
            return ChunkedBody(limit, self._hall.bodies)
        while True:
            try:
                return SizedBody(length, limit, self._hall.bodies)
            except QueueFull:
                if not self._hall.end_slowest_body():
                    raise

    @staticmethod
    def _can_drop(head: Head, has_more: bool) -> bool:
        """Whether the body of a refused request can be read past. One that was not asked for may never come."""
        if head.length is None or (head.expects_continue and not has_more and head.length):
            return False
        return head.length <= _MAX_DROPPED_BYTES

    def _read_body(self, data: memoryview) -> int:
        body = self._body
        if body is None:
            return len(data)
        try:
            size = body.feed(data)
        except ServerError as error:
            self._answer_early(refusal(error), keep_alive=False)
            return len(data)
        self._answer_if_complete(body)
        return size

    def _answer_if_complete(self, body: Body) -> None:
        if not body.is_complete or self._accepted is None:
            return
        self._phase = _Phase.ANSWER
        accepted, self._accepted = self._accepted, None
        abandon = accepted.answer(body.take(), self._answer)
        if self._phase is _Phase.ANSWER and self._head is not None:
            self._abandon = abandon

    # Answering.

    def _answer(self, answer: Answer) -> None:
        head, body = self._head, self._body
        self._head = self._body = self._abandon = None
        if body is not None:
            body.release()
        if head is None:
            return
        keep_alive = head.keep_alive and not self._hall.is_closing
        self._log(head, answer)
        if self._transport.is_closing():
            return
        self._write(answer, keep_alive, head.method == "HEAD")
        if not keep_alive:
            self._linger()
        elif not self._is_blocked:
            self._next()
        else:
            self._wait(_IDLE_SECONDS)

    def _answer_early(self, answer: Answer, keep_alive: bool) -> None:
        """Answer a request before its body is complete."""
        head, body, accepted = self._head, self._body, self._accepted
        self._head = self._body = self._accepted = None
        if accepted is not None:
            answer = answer._replace(log=accepted.log)
        if body is not None:
            body.release()
        if head is None:
            return
        keep_alive = keep_alive and head.keep_alive and not self._hall.is_closing
        self._log(head, answer)
        self._write(answer, keep_alive, head.method == "HEAD")
        if not keep_alive:
            self._linger()
        elif head.length:
            self._phase = _Phase.DROP
            self._drop_bytes = head.length
        else:
            self._begin_head()

    def _refuse(self, error: BadHead) -> None:
        """Answer what is not a request, and look at nothing more."""
        kind = "RequestTimeout" if error.status == 408 else "InvalidRequest"
        self._write(failure(error.status, kind, str(error)), keep_alive=False)
        self._linger()

    def _write(self, answer: Answer, keep_alive: bool, head_only: bool = False) -> None:
        """In one piece, so that the client wakes once."""
        head = head_bytes(answer.status, answer.fields, len(answer.body), keep_alive, self._request_id)
        self._transport.write(head if head_only else head + answer.body)

    def _log(self, head: Head, answer: Answer) -> None:
        seconds = time.perf_counter() - self._started
        self._hall.afterwards.call(self._hall.log.write, head, answer.status, seconds, answer.log)

    def _linger(self) -> None:
        """Say that nothing more is sent, and wait for the client to say so too."""
        self._phase = _Phase.LINGER
        self._drop_bytes = _MAX_LINGERING_BYTES
        self._wait(_LINGER_SECONDS)
        if self._is_ended:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()
            self._resume()

    def _begin_head(self) -> None:
        self._phase = _Phase.HEAD
        self._request_id = ""
        self._reader = HeadReader()
        self._wait(_IDLE_SECONDS)

    def _next(self) -> None:
        """The answer is sent: go on with what has come behind its request."""
        self._begin_head()
        if self._is_reading:
            return  # the one who reads goes on
        ahead, self._ahead = self._ahead, bytearray()
        self._resume()
        self._received(memoryview(ahead))

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
