"""A worker's frames belong to the call that they answer."""

import asyncio
import socket

import pytest

from container.model_server import wire
from container.model_server.errors import WorkerCrashed
from container.model_server.hosting.pool import WorkerProcess


class Bench:
    """A worker's handle, and the worker's end of its socket."""

    def __init__(self) -> None:
        self.worker = WorkerProcess(1, asyncio.get_running_loop().create_future())
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.worker._frames.open(ours)
        self.outcomes: list[object] = []

    def call(self, body: bytes, seconds: float = 60) -> int:
        """Call the worker; returns the number that it got to see."""
        self.worker.call({"operation": "invoke"}, body, seconds, self.outcomes.append)
        header, received = wire.receive_blocking(self.theirs)
        assert received == body
        assert isinstance(header["number"], int)
        return header["number"]

    def send(self, number: int, body: bytes) -> None:
        wire.send_blocking(self.theirs, {"number": number}, body)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.outcomes) < count:
                await asyncio.sleep(0.001)

    def close(self) -> None:
        self.worker.close()
        self.theirs.close()


def test_a_reply_that_nobody_asked_for_is_nobodys_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        bench = Bench()
        first = bench.call(b"one")
        bench.send(first, b"ONE")
        await bench.until(1)
        bench.send(first, b"ONE again, by a child")
        second = bench.call(b"two")
        assert second == first + 1
        bench.send(first, b"ONE once more")
        bench.send(second, b"TWO")
        await bench.until(2)
        assert [body for _, body in bench.outcomes] == [b"ONE", b"TWO"]  # type: ignore[misc]
        bench.close()

    asyncio.run(run())
    assert "a frame that nobody asked for" in caplog.text


def test_a_call_ends_once() -> None:
    async def run() -> None:
        bench = Bench()
        number = bench.call(b"slow", seconds=0.01)
        await bench.until(1)
        assert isinstance(bench.outcomes[0], TimeoutError)
        bench.send(number, b"late")
        await asyncio.sleep(0.02)
        bench.call(b"dies")
        bench.theirs.close()
        await bench.until(2)
        assert isinstance(bench.outcomes[1], WorkerCrashed)
        bench.close()

    asyncio.run(run())
