"""Artifacts whose load ended a worker process: they are loaded apart from others, and less and less often."""

import time
from collections import OrderedDict
from collections.abc import Callable

from ..errors import WorkerCrashed

_REMEMBERED = 10_000
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class Quarantine:
    """Remembers crashes by the artifact's path. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._crashes: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def holds(self, url: str) -> bool:
        """Whether a load of this artifact ended its worker: it is not to share one again."""
        return url in self._crashes

    def note(self, url: str) -> None:
        """A load of this artifact ended its worker, or never ended. From the second time on the pauses double."""
        count = self._crashes.pop(url, (0, 0.0))[0] + 1
        pause = 0.0 if count == 1 else min(_FIRST_PAUSE_SECONDS * 2 ** (count - 2), _LONGEST_PAUSE_SECONDS)
        self._crashes[url] = (count, self._clock() + pause)
        if len(self._crashes) > _REMEMBERED:
            self._crashes.popitem(last=False)

    def check(self, url: str) -> None:
        """Raises WorkerCrashed while the artifact is not to be tried."""
        count, until = self._crashes.get(url, (0, 0.0))
        seconds = until - self._clock()
        if seconds > 0:
            raise WorkerCrashed(
                f"the artifact ended its worker process in {count} loads in a row; it is tried again in "
                f"{seconds:.1f} s",
                status=1,  # by itself, as it did before
            )

    def loaded(self, url: str) -> None:
        """It loaded. It stays apart from others, but is not held back any more."""
        if url in self._crashes:
            self._crashes[url] = (1, 0.0)
