"""One line for each request: method, path, status and time, which request it is, and what the endpoint adds."""

from collections.abc import Mapping
from typing import Protocol

from .events import EventLog
from .tracing import log_fields

_QUIET = ("/ping", "/metrics")


class RequestHead(Protocol):
    """What is needed of a request's head. `fields`: header fields by lower-case name."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, str]: ...


class AccessLog:
    """Writes the lines. With `events` None it writes none."""

    def __init__(self, events: EventLog | None) -> None:
        self._events = events

    def write(self, head: RequestHead, status: int, seconds: float, fields: Mapping[str, object]) -> None:
        """A request was answered, `seconds` after its head was read."""
        if self._events is not None and head.path not in _QUIET:
            self._events.write(
                "request",
                method=head.method,
                path=head.path,
                status=status,
                milliseconds=seconds * 1000,
                **log_fields(head.fields),
                **fields,
            )
