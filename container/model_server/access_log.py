"""One line for each request: method, path, status and time, with what the endpoint adds."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .events import EventLog

# Where endpoints find the fields of their request's line, in the ASGI scope.
LOG_FIELDS = "model_server.log"
_QUIET = ("/ping", "/metrics")


class AccessLog:
    """ASGI middleware. With `events` None it only provides the fields."""

    def __init__(self, app: ASGIApp, events: EventLog | None) -> None:
        self._app = app
        self._events = events

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
            if self._events is not None and (scope["path"] not in _QUIET):
                self._events.write(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    milliseconds=(time.perf_counter() - start) * 1000,
                    **fields,
                )
