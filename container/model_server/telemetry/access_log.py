"""One line for each request: method, path, status and time, with what the endpoint adds."""

from collections.abc import Mapping

from .events import EventLog

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
