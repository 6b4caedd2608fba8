"""The metrics of moto's CloudWatch with their distributions: written by SageMaker and by logs, read by alarms.

In this process, not over HTTP: moto's API keeps only the statistics of what it is sent together, and of those no
percentile can be told.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import (
    CloudWatchBackend,
    MetricAggregatedDatum,
    MetricDatum,
    MetricDatumBase,
    cloudwatch_backends,
)

from ..account import ACCOUNT_ID, REGION
from .embedded_metrics import embedded_metrics
from .samples import Recorded, Sample
from .statistics import Distribution
from .watched_alarm import MetricQuery


class _DistributionDatum(MetricAggregatedDatum):
    """To moto a statistic set, and more to us."""

    def __init__(self, recorded: Recorded) -> None:
        values = recorded.sample.values
        super().__init__(
            namespace=recorded.namespace,
            name=recorded.metric,
            min_stat=values.minimum,
            max_stat=values.maximum,
            sample_count=values.count,
            sum_stat=values.total,
            dimensions=[{"Name": name, "Value": value} for name, value in recorded.dimensions.items()],
            timestamp=recorded.sample.at.astimezone(UTC).replace(tzinfo=None),
            unit=recorded.unit,
        )
        self.distribution = values


class MetricStore:
    """See the module."""

    def backend(self) -> CloudWatchBackend:
        return cloudwatch_backends[ACCOUNT_ID][REGION]

    def record(self, recorded: Iterable[Recorded]) -> None:
        self.backend().metric_data.extend(map(_DistributionDatum, recorded))

    def record_embedded(self, lines: Iterable[str]) -> None:
        """The metrics that lines of a log hold in the embedded metric format."""
        now = datetime.now(UTC)
        self.record(found for line in lines for found in embedded_metrics(line, now))

    def read(self, query: MetricQuery, start: datetime, end: datetime) -> list[Sample]:
        """See `watched_alarm.Read`. What callers sent with PutMetricData is among it."""
        first, last = _naive(start), _naive(end)
        return [
            Sample(datum.timestamp.replace(tzinfo=UTC), _distribution(datum))
            for datum in list(self.backend().metric_data)
            if datum.name == query.metric
            and first <= _naive(datum.timestamp) < last
            and datum.namespace == query.namespace
            and (query.unit is None or datum.unit == query.unit)
            and {(item.name, item.value) for item in datum.dimensions} == query.dimensions
        ]


def _naive(moment: datetime) -> datetime:
    """In UTC without saying so, as moto keeps it."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _distribution(datum: MetricDatumBase | Any) -> Distribution:
    if isinstance(datum, _DistributionDatum):
        return datum.distribution
    if isinstance(datum, MetricDatum):
        return Distribution(1, datum.value, datum.value, datum.value)
    aggregated: Any = datum
    return Distribution(aggregated.sample_count, aggregated.sum, aggregated.min, aggregated.max)
