"""Reads metrics from CloudWatch, many at a time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from model_catalog.lock import Lock

_MOST_QUERIES = 500
_MINUTE = timedelta(minutes=1)
MODEL_NAMESPACE = "MultiModelServer"
"""Where the model server's embedded metrics go, with the dimension `Model`: the TargetModel.

All endpoints of an account and region share it."""


@dataclass(frozen=True)
class Metric:
    """One statistic of one metric: Sum, Average, Maximum, Minimum or SampleCount."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]


def read_metrics(
    cloudwatch: Any, metrics: Sequence[Metric], start: datetime, end: datetime, period_seconds: int
) -> list[list[float]]:
    """The values of each metric, one for each period that has any; in the order of `metrics`.

    Values of the minute of `end` count: CloudWatch would leave them out.

    Raises:
        ClientError, BotoCoreError: CloudWatch refused, or cannot be reached.
    """
    found: list[list[float]] = [[] for _ in metrics]
    for first in range(0, len(metrics), _MOST_QUERIES):
        queries = [
            _query(first + offset, metric, period_seconds)
            for offset, metric in enumerate(metrics[first : first + _MOST_QUERIES])
        ]
        request = {"MetricDataQueries": queries, "StartTime": start, "EndTime": end + _MINUTE}
        for page in cloudwatch.get_paginator("get_metric_data").paginate(**request):
            for result in page["MetricDataResults"]:
                found[int(result["Id"][1:])] += result["Values"]
    return found


def invocations_by_model(cloudwatch: Any, lock: Lock, start: datetime, end: datetime) -> dict[str, int]:
    """How often each model was invoked, all versions of the lock together; models that were not are left out."""
    keys = [(name, version.key) for name, model in lock.models.items() for version in model.versions]
    metrics = [Metric(MODEL_NAMESPACE, "Invocations", "Sum", (("Model", key),)) for _, key in keys]
    counts: dict[str, int] = {}
    for (name, _), values in zip(keys, read_metrics(cloudwatch, metrics, start, end, 3600), strict=True):
        if total := round(sum(values)):
            counts[name] = counts.get(name, 0) + total
    return counts


def _query(number: int, metric: Metric, period_seconds: int) -> Mapping[str, Any]:
    return {
        "Id": f"q{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
            },
            "Period": period_seconds,
            "Stat": metric.statistic,
        },
    }
