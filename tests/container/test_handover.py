"""A worker writes to a client's connection: how much of it, what is left, and what follows when it dies over it."""

import asyncio
import contextlib
import os
import socket
import types
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.model_server.access_log import AccessLog
from container.model_server.afterwards import Afterwards
from container.model_server.bodies import BodyReader
from container.model_server.errors import WorkerCrashed
from container.model_server.exchange import DirectInvocations, Exchange, Head
from container.model_server.handover import Handover, write_answer, written_bytes
from container.model_server.invocations import Response, refusal
from container.model_server.service import Request

REQUEST = Request("m", "application/json", "", "")


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end of a TCP connection, which does not block, and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    server.setblocking(False)
    with server, client:
        yield server, client


class FakeTransport:
    """A connection's transport that keeps what is written to it."""

    def __init__(self, pending: int = 0) -> None:
        self.written = b""
        self.aborted = False
        self._pending = pending

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self._pending


def test_what_any_process_wrote_is_counted() -> None:
    with connected() as (server, client):
        before = written_bytes(server)
        other = os.dup(server.fileno())
        os.write(other, b"x" * 100)
        os.close(other)
        assert before is not None
        assert written_bytes(server) == before + 100
        client.sendall(b"y" * 7)
        assert written_bytes(server) == before + 100


def test_a_local_socket_cannot_be_handed_over() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert written_bytes(ours) is None


@settings(max_examples=20, deadline=None)
@given(head=st.binary(min_size=1, max_size=100), size=st.integers(0, 3_000_000))
def test_what_the_connection_does_not_take_is_left(head: bytes, size: int) -> None:
    body = os.urandom(size)
    with connected() as (server, client):
        rest = write_answer(server.fileno(), head, body)
        server.setblocking(True)
        received = bytearray()
        while len(received) < len(head) + len(body) - len(rest):
            received += client.recv(1 << 20)
        assert bytes(received) + rest == head + body
        # One that is full takes nothing more.
        if rest:
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.send(b"x" * 65536)
            assert write_answer(server.fileno(), head, body) == head + body


def test_a_client_that_is_gone_is_left_nothing() -> None:
    with connected() as (server, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes with a reset
        client.close()
        assert write_answer(server.fileno(), b"head", b"body") == b""


def test_a_connection_is_kept_while_something_waits_to_be_sent_or_nobody_listens() -> None:
    with connected() as (server, _):
        assert Handover(FakeTransport(pending=1), server).descriptor() is None  # type: ignore[arg-type]
        closing = FakeTransport()
        closing.abort()
        assert Handover(closing, server).descriptor() is None  # type: ignore[arg-type]
        handover = Handover(FakeTransport(), server)  # type: ignore[arg-type]
        assert not handover.is_taken
        assert handover.descriptor() == server.fileno()
        assert handover.is_taken and not handover.is_written


@pytest.mark.parametrize("begun", [False, True])
def test_a_worker_that_dies_over_an_answer(begun: bool) -> None:
    """Before its first byte an error is answered; after it the connection ends: two answers would be taken for one."""

    def die(descriptor: int, answered: Callable[[Response], None]) -> None:
        if begun:
            os.write(descriptor, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it")
        answered(refusal(WorkerCrashed("the worker process died"), REQUEST))

    transport = exchanged(die)
    assert transport.aborted is begun
    assert transport.written.startswith(b"" if begun else b"HTTP/1.1 500 ")
    assert bool(transport.written) is not begun


def test_what_a_worker_could_not_send_is_sent_after_it() -> None:
    transport = exchanged(lambda _, answered: answered(Response(200, {}, b"the rest", {}, is_sent=True)))
    assert transport.written == b"the rest"
    assert not transport.aborted


def exchanged(work: Callable[[int, Callable[[Response], None]], None]) -> FakeTransport:
    """The transport after an exchange whose worker does `work` with the descriptor it was handed."""
    transport = FakeTransport()

    async def exchange() -> None:
        with connected() as (server, _):
            handover = Handover(transport, server)  # type: ignore[arg-type]
            connection = types.SimpleNamespace(
                parser=types.SimpleNamespace(should_keep_alive=lambda: True),
                transport=transport,
                flow=types.SimpleNamespace(write_paused=False),
                handover=lambda: handover,
                on_response_complete=lambda: None,
            )

            def invoke(_request, _body, answered, handed: Handover) -> None:
                descriptor = handed.descriptor()
                assert descriptor is not None
                work(descriptor, answered)

            parts = DirectInvocations(
                types.SimpleNamespace(invoke=invoke),  # type: ignore[arg-type]
                BodyReader(1000, 1.0),
                AccessLog(None),
                Afterwards(),
                1000,
            )
            found = Exchange(connection, parts, Head("/models/m/invoke", REQUEST, 2))  # type: ignore[arg-type]
            found.add(b"[]")
            found.begin()
            assert found.response_complete

    asyncio.run(exchange())
    return transport
