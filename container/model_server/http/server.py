"""Listens, watches the connections, and stops gracefully."""

import asyncio
import contextlib
import logging
import signal
import time

from .connection import Connection
from .hall import Hall

_log = logging.getLogger(__name__)
_CHECK_SECONDS = 0.25
_BACKLOG = 2048


class HttpServer:
    """Serves connections of a hall on one address, until SIGTERM or SIGINT."""

    def __init__(self, hall: Hall, host: str, port: int, stop_seconds: float) -> None:
        self._hall = hall
        self._host = host
        self._port = port
        self._stop_seconds = stop_seconds

    async def run(self) -> None:
        """Listen until a signal, then let the requests under way finish. Raises OSError when it cannot listen."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        server = await loop.create_server(lambda: Connection(self._hall), self._host, self._port, backlog=_BACKLOG)
        checking = loop.create_task(self._check())
        try:
            await stop.wait()
            server.close()
            await self._drain()
        finally:
            server.close()
            checking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await checking
            for connection in list(self._hall.connections):
                connection.abort()

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            now = time.monotonic()
            for connection in list(self._hall.connections):
                try:
                    connection.check(now)
                except Exception:  # noqa: BLE001 - a connection that cannot be looked at must not end all deadlines
                    _log.exception("looking at a connection failed")
                    connection.abort()

    async def _drain(self) -> None:
        self._hall.is_closing = True
        deadline = time.monotonic() + self._stop_seconds
        while self._hall.connections and time.monotonic() < deadline:
            for connection in list(self._hall.connections):
                connection.close_if_idle()
            await asyncio.sleep(0.02)
