"""The metrics that instances have whether they are invoked or not, once a minute, as on AWS.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 60.0
_SHORTEST_SECONDS = 3.0
"""However fast time goes: a look at many instances takes its milliseconds."""


class Sampler:
    """A thread that calls `sample`. `time_factor`: how long a second of the minute takes."""

    def __init__(self, sample: Callable[[], None], time_factor: float = 1.0) -> None:
        self._sample = sample
        self._period_seconds = max(_PERIOD_SECONDS * time_factor, _SHORTEST_SECONDS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._period_seconds):
            try:
                self._sample()
            except Exception:  # metrics never take the service down
                logger.exception("instances could not be sampled")
