"""CloudWatch metrics of endpoints, gathered in memory and sent once a second.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

import logging
import threading
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger(__name__)

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
_DATA_PER_CALL = 500
_UNITS = {
    "ModelLoadingWaitTime": "Microseconds",
    "ModelUnloadingTime": "Microseconds",
    "ModelDownloadingTime": "Microseconds",
    "ModelLoadingTime": "Microseconds",
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
    "ModelCacheHit": "None",
    "LoadedModelCount": "None",
}


@dataclass
class _Statistics:
    count: int = 0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)


@dataclass(frozen=True)
class _Series:
    namespace: str
    endpoint: str
    variant: str
    name: str


class Metrics:
    """Collects values; a thread sends each second's statistics. `cloudwatch` is a boto3 client."""

    def __init__(self, cloudwatch: Any, period_seconds: float = 1.0) -> None:
        self._cloudwatch = cloudwatch
        self._period_seconds = period_seconds
        self._lock = threading.Lock()
        self._statistics: dict[_Series, _Statistics] = defaultdict(_Statistics)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Send nothing from now on: the service that would take it goes down."""
        self._stop.set()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def for_variant(self, endpoint: str, variant: str) -> "VariantMetrics":
        return VariantMetrics(self, endpoint, variant)

    def add(self, series: _Series, value: float) -> None:
        with self._lock:
            self._statistics[series].add(value)

    def flush(self) -> None:
        """Send what was gathered since the last time."""
        with self._lock:
            gathered, self._statistics = self._statistics, defaultdict(_Statistics)
        moment = datetime.now(UTC)
        by_namespace: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for series, statistics in gathered.items():
            by_namespace[series.namespace].append(_datum(series, statistics, moment))
        for namespace, data in by_namespace.items():
            for start in range(0, len(data), _DATA_PER_CALL):
                self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + _DATA_PER_CALL])

    def _run(self) -> None:
        while not self._stop.wait(self._period_seconds):
            try:
                self.flush()
            except Exception:  # metrics never take the service down
                if not self._stop.is_set():
                    logger.exception("metrics could not be sent")


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


def _datum(series: _Series, statistics: _Statistics, moment: datetime) -> dict[str, Any]:
    return {
        "MetricName": series.name,
        "Dimensions": [
            {"Name": "EndpointName", "Value": series.endpoint},
            {"Name": "VariantName", "Value": series.variant},
        ],
        "Timestamp": moment,
        "Unit": _UNITS.get(series.name, "Count"),
        "StatisticValues": {
            "SampleCount": statistics.count,
            "Sum": statistics.total,
            "Minimum": statistics.minimum,
            "Maximum": statistics.maximum,
        },
    }
