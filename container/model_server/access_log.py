"""One line for each request: method, path, status and time, with what the endpoint adds."""

import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .events import EventLog

# Where endpoints find the fields of their request's line, in the ASGI scope.
LOG_FIELDS = "model_server.log"
_QUIET = ("/ping", "/metrics")


class AccessLog:
    """Writes the lines. With `events` None it writes none."""

    def __init__(self, events: EventLog | None) -> None:
        self._events = events

    def write(self, method: str, path: str, status: int, seconds: float, fields: Mapping[str, object]) -> None:
        """A request was answered, `seconds` after its head was read."""
        if self._events is not None and path not in _QUIET:
            self._events.write(
                "request",
                method=method,
                path=path,
                status=status,
                milliseconds=seconds * 1000,
                **fields,
            )


class LoggedRequests:
    """ASGI middleware that writes the line of every request."""

    def __init__(self, app: ASGIApp, log: AccessLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        fields: dict[str, object] = {}
        scope[LOG_FIELDS] = fields
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._log.write(scope["method"], scope["path"], status, time.perf_counter() - start, fields)
