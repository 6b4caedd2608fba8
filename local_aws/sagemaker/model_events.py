"""What happened to models in containers: loads, evictions and losses, the newest of them, for people who watch."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from .records import now

ModelEventKind = Literal["loaded", "failed", "evicted", "lost"]
"""`evicted`: SageMaker unloaded it; `lost`: the container ended, or says that it has no such model."""

_KEPT = 300


@dataclass(frozen=True)
class ModelEvent:
    """One event of one model on one instance. `seconds`: how long the load or unload took, None for the others."""

    at: datetime
    endpoint: str
    variant: str
    instance: str
    target_model: str
    kind: ModelEventKind
    reason: str
    seconds: float | None


NoteModelEvent = Callable[[ModelEventKind, str, str, float | None], None]
"""Called with the kind, the target model, the reason ("" for a load) and the seconds. It must not block."""


class ModelEvents:
    """The last 300 events of all endpoints, and how many of each kind there have been by endpoint."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[ModelEvent] = deque(maxlen=_KEPT)
        self._counts: dict[str, Counter[str]] = {}

    def for_instance(self, endpoint: str, variant: str, instance: str) -> NoteModelEvent:
        def note(kind: ModelEventKind, target_model: str, reason: str, seconds: float | None) -> None:
            event = ModelEvent(now(), endpoint, variant, instance, target_model, kind, reason, seconds)
            with self._lock:
                self._events.append(event)
                self._counts.setdefault(endpoint, Counter())[kind] += 1

        return note

    def newest_first(self) -> list[ModelEvent]:
        with self._lock:
            return list(reversed(self._events))

    def count(self, endpoint: str, kind: ModelEventKind) -> int:
        with self._lock:
            return self._counts.get(endpoint, Counter())[kind]
