"""The worker processes as the front process sees them: start, call, watch, replace."""

import asyncio
import contextlib
import functools
import logging
import os
import signal
from collections.abc import Callable

from .. import wire
from ..errors import ServerError, WorkerCrashed
from .zygotes import START_SECONDS, Zygotes

# How long a process whose socket closed may take to end. A crash takes milliseconds.
_EXIT_SECONDS = 1.0
_log = logging.getLogger(__name__)

# A worker's frame in reply to a call: its header and its body.
Reply = tuple[wire.Header, bytes]
# Takes what came of a call: the answer, or the error.
Done = Callable[[Reply | Exception], None]


class WorkerProcess:
    """One worker process: one call at a time."""

    def __init__(self, pid: int, exited: asyncio.Future[int]) -> None:
        self.pid = pid
        self.exited = exited
        self.private_bytes = 0
        self.descendants_bytes = 0
        self._frames = wire.FrameChannel(self._on_frame, self._on_lost)
        # Answers carry their request's number: one that nobody asked for, or too late, is nobody's answer.
        self._number = 0
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None

    @staticmethod
    async def start(zygotes: Zygotes) -> "WorkerProcess":
        """Fork a worker and wait until it is ready. Raises WorkerCrashed, TimeoutError."""
        pid, sock, exited = await zygotes.fork()
        worker = WorkerProcess(pid, exited)
        ready: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        worker._expect(START_SECONDS, functools.partial(settle, ready))
        worker._frames.open(sock)
        await ready
        return worker

    def call(
        self,
        header: wire.Header,
        body: wire.Body,
        timeout_seconds: float,
        done: Done,
    ) -> None:
        """Send one request; `done` is called, later, with what comes of it.

        That is the answer; the ServerError the worker answered; WorkerCrashed when it died; TimeoutError when it takes
        longer than it may (the worker is then still busy and has to be killed).
        """
        self._number += 1
        self._expect(timeout_seconds, done)
        if not self._frames.send({**header, "number": self._number}, body):
            asyncio.get_running_loop().call_soon(self._on_lost)

    def _expect(self, timeout_seconds: float, done: Done) -> None:
        if self._done is not None:
            raise RuntimeError(f"worker {self.pid} was called while it was answering")
        self._done = done
        self._timer = asyncio.get_running_loop().call_later(timeout_seconds, self._finish, TimeoutError())

    def _on_frame(self, header: wire.Header, body: bytes) -> None:
        if header.get("number") != self._number:
            _log.error("worker %d sent a frame that nobody asked for; it is ignored", self.pid)
            return
        if "private_bytes" in header:
            self.private_bytes = int(header["private_bytes"])  # type: ignore[call-overload]
        if "error" in header:
            self._finish(ServerError.of_wire(header))
        else:
            self._finish((header, body))

    def _on_lost(self) -> None:
        self._finish(WorkerCrashed("the worker process died while it worked on this request"))

    def _finish(self, outcome: Reply | Exception) -> None:
        if self._timer is not None:
            self._timer.cancel()
        done, self._done, self._timer = self._done, None, None
        if done is not None:
            done(outcome)

    async def status(self) -> int | None:
        """The exit code (negative: the signal) of a process whose socket closed; None when it does not end."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.exited), _EXIT_SECONDS)
        except TimeoutError:
            return None

    def kill(self) -> None:
        """End the process at once; its pending call sees WorkerCrashed."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the socket: a pending call sees WorkerCrashed, and an idle worker ends by itself."""
        self._frames.close()


def settle(future: asyncio.Future[Reply], outcome: Reply | Exception) -> None:
    """End a future with what a call came to."""
    if future.done():
        return  # the task that waited for it was cancelled
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
