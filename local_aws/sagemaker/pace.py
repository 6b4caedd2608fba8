"""Time as updates see it: waits that can be made shorter than they say, and that end when the local AWS does."""

import threading
import time
from typing import Protocol


class StoppedError(Exception):
    """The local AWS goes down: what waits comes to nothing."""


class Stopwatch(Protocol):
    """Started when it is made."""

    @property
    def elapsed_seconds(self) -> float:
        """What AWS would call the time since the start: waits count in full, however long they took."""

    def wait(self, seconds: float) -> None:
        """Raises StoppedError."""


class Pace:
    """Makes stopwatches on which a wait of a second takes `time_factor` seconds; all else takes the time it takes."""

    def __init__(self, time_factor: float = 1.0) -> None:
        self._time_factor = time_factor
        self._stopped = threading.Event()

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()

    def stopwatch(self) -> Stopwatch:
        return _Stopwatch(self._time_factor, self._stopped)


class _Stopwatch:
    def __init__(self, time_factor: float, stopped: threading.Event) -> None:
        self._time_factor = time_factor
        self._stopped = stopped
        self._started = time.monotonic()
        self._saved = 0.0

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._started + self._saved

    def wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds * self._time_factor):
            raise StoppedError
        self._saved += seconds * (1 - self._time_factor)
