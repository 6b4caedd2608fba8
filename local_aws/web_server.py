"""The web server: uvicorn that says when it starts and stops, what stops it, and what works beside it."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol

import uvicorn

logger = logging.getLogger(__name__)


class Part(Protocol):
    """What works in the background."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def run_with(parts: Sequence[Part], run: Callable[[], None]) -> None:
    """Call `run` while the parts work; they stop in the reverse order."""
    for part in parts:
        part.start()
    try:
        run()
    finally:
        logger.info("stopping")
        for part in reversed(parts):
            part.stop()


class Server(uvicorn.Server):
    """uvicorn that reports when it accepts requests, and when it is about to stop."""

    on_started: Sequence[Callable[[], None]] = ()
    on_stopping: Sequence[Callable[[], None]] = ()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for call in self.on_started:
            call()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for call in self.on_stopping:
            call()
        await super().shutdown(sockets)


def stop_when_asked(server: uvicorn.Server, until_stdin_closes: bool) -> None:
    """By SIGINT, SIGTERM and SIGHUP, and by the end of file on stdin where that is wanted."""
    _stop_on_signals(server)
    if until_stdin_closes:
        _stop_at_end_of_stdin(server)


def _stop_on_signals(server: uvicorn.Server) -> None:
    """uvicorn stops at a signal and then raises it again: this handler makes that harmless, so that we clean up."""

    def ask_to_stop(signal_number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, ask_to_stop)


def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    def wait() -> None:
        while os.read(0, 4096):  # the descriptor itself: a reader's lock would block the interpreter's end
            pass
        server.should_exit = True

    threading.Thread(target=wait, name="stdin", daemon=True).start()
