"""What connections need of the server: who answers, what bounds them, and the list of them all."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ..telemetry.access_log import AccessLog
from ..telemetry.afterwards import Afterwards
from .answers import Answer
from .bodies import BodyMemory
from .heads import Head

_MAX_HEAD_SECONDS = 20.0
# A body arrives within milliseconds from where SageMaker sends it. One that takes longer than this gives way.
_SLOW_SECONDS = 0.25


class Accepted(NamedTuple):
    """A request whose head was accepted.

    Attributes:
        max_body_bytes: bound of its body.
        answer: called once with the body; calls its second argument with the answer, perhaps at once. Returns what to
            call when nobody waits for the answer any more, or None.
        log: what the request's line in the access log says where its body does not arrive.
    """

    max_body_bytes: int
    answer: Callable[[bytearray, Callable[[Answer], None]], Callable[[], None] | None]
    log: Mapping[str, object] = {}


class Application(Protocol):
    """What answers requests."""

    def accept(self, head: Head) -> Accepted:
        """Raises ServerError when the head alone shows that the request is refused."""
        ...


class OpenConnection(Protocol):
    """A connection, for those that watch them."""

    def check(self, now: float) -> None:
        """Called a few times a second: deadlines, and clients that are gone."""
        ...

    def close_if_idle(self) -> None:
        """Close unless a request is under way."""
        ...

    def abort(self) -> None: ...

    @property
    def body_since(self) -> float | None:
        """Since when a body is on its way (`time.perf_counter`); None where none is."""
        ...

    def give_way(self) -> None:
        """Refuse the request whose body is on its way."""
        ...


@dataclass(eq=False)
class Hall:
    """What all connections of a server share."""

    application: Application
    bodies: BodyMemory
    log: AccessLog
    afterwards: Afterwards
    body_seconds: float
    max_connections: int
    connections: set["OpenConnection"] = field(default_factory=set)
    is_closing: bool = False

    def end_slowest_body(self) -> bool:
        """Give the memory of the body that is longest on its way to others, if it is slow; whether there was one."""
        begun = {each: since for each in self.connections if (since := each.body_since) is not None}
        slowest = min(begun, key=begun.__getitem__, default=None)
        if slowest is None or time.perf_counter() - begun[slowest] < _SLOW_SECONDS:
            return False
        slowest.give_way()
        return True

    @property
    def head_seconds(self) -> float:
        """How long a request's head may take to arrive, from its first byte."""
        return min(_MAX_HEAD_SECONDS, self.body_seconds)
