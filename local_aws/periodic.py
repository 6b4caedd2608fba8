"""A thread that does the same work again and again."""

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class PeriodicThread:
    """Calls `work` every `period_seconds`, the first time after one period. A call that fails is logged, and the next
    one comes as if nothing had happened.

    Args:
        name: of the thread, and in the log.
        on_the_clock: whether the calls come at whole multiples of the period, as CloudWatch's evaluations do.
    """

    def __init__(
        self, name: str, work: Callable[[], None], period_seconds: float, *, on_the_clock: bool = False
    ) -> None:
        self._name = name
        self._work = work
        self._period_seconds = period_seconds
        self._on_the_clock = on_the_clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait for the call that is under way. Without effect if the thread was never started."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_seconds()):
            try:
                self._work()
            except Exception:  # what is periodic comes again
                if not self._stop.is_set():  # at the end, what the work uses may be gone already
                    logger.exception("%s failed", self._name)

    def _pause_seconds(self) -> float:
        if not self._on_the_clock:
            return self._period_seconds
        return self._period_seconds - time.time() % self._period_seconds
