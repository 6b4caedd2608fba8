"""CloudWatch metrics of endpoints, gathered in memory and recorded once a second, or when an alarm needs them.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ..cloudwatch.samples import Recorded, Sample
from ..cloudwatch.statistics import Distribution
from ..periodic import PeriodicThread

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
_PERIOD_SECONDS = 1.0
_UNITS = {
    "ModelLoadingWaitTime": "Microseconds",
    "ModelUnloadingTime": "Microseconds",
    "ModelDownloadingTime": "Microseconds",
    "ModelLoadingTime": "Microseconds",
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
    "ModelCacheHit": "None",
    "LoadedModelCount": "None",
    "CPUUtilization": "Percent",
    "MemoryUtilization": "Percent",
    "DiskUtilization": "Percent",
}


@dataclass(frozen=True)
class _Series:
    namespace: str
    endpoint: str
    variant: str
    name: str


RecordSamples = Callable[[list[Recorded]], None]


class Metrics:
    """Collects values; a thread gives them to each of `record`, those of each second together.

    `time_factor`: how long that second takes, as the periods of the alarms that watch the metrics.
    """

    def __init__(
        self, record: Iterable[RecordSamples], time_factor: float = 1.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._record = tuple(record)
        self._second = time_factor
        self._clock = clock
        self._lock = threading.Lock()
        self._gathered: dict[tuple[_Series, int], Distribution] = defaultdict(Distribution)
        self._thread = PeriodicThread("the recording of metrics", self.flush, _PERIOD_SECONDS)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def for_variant(self, endpoint: str, variant: str) -> "VariantMetrics":
        return VariantMetrics(self, endpoint, variant)

    def add(self, series: _Series, value: float) -> None:
        second = int(self._clock() / self._second)
        with self._lock:
            self._gathered[series, second].add(value)

    def flush(self) -> None:
        """Record what was gathered since the last time."""
        with self._lock:
            gathered, self._gathered = self._gathered, defaultdict(Distribution)
        recorded = [self._recorded(series, second, values) for (series, second), values in gathered.items()]
        for record in self._record:
            record(recorded)

    def discard(self) -> None:
        """Forget what was gathered since the last time."""
        with self._lock:
            self._gathered.clear()

    def _recorded(self, series: _Series, second: int, values: Distribution) -> Recorded:
        return Recorded(
            namespace=series.namespace,
            metric=series.name,
            dimensions={"EndpointName": series.endpoint, "VariantName": series.variant},
            unit=_UNITS.get(series.name, "Count"),
            sample=Sample(datetime.fromtimestamp(second * self._second, UTC), values),
        )


@dataclass(frozen=True)
class VariantMetrics:
    """The metrics of one production variant."""

    metrics: Metrics
    endpoint: str
    variant: str

    def count(self, name: str, value: float = 1) -> None:
        """A value of namespace AWS/SageMaker, in the unit that the metric has."""
        self.metrics.add(_Series(INVOCATIONS, self.endpoint, self.variant, name), value)

    def duration(self, name: str, seconds: float) -> None:
        self.count(name, seconds * 1e6)

    def gauge(self, name: str, value: float) -> None:
        """A value of namespace /aws/sagemaker/Endpoints."""
        self.metrics.add(_Series(INSTANCES, self.endpoint, self.variant, name), value)
