"""The alarms of an endpoint: what is watched, when it is too much, and why that matters.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoint-cloudwatch-metrics.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stacks.settings_monitoring import Alarms, Threshold

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
MICROSECONDS = 1000
"""Microseconds in a millisecond: SageMaker's latencies are in microseconds."""


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        kind: the end of its name, and with underscores its id.
        description: what it means and what to look at, for the person who is notified.
        metric: namespace and name of the metric.
        statistic: one of CloudWatch's, or a percentile such as p99.
        threshold: in the metric's unit.
        periods: of so many minutes, all or the first number must be beyond the threshold.
        below: whether it is raised below the threshold, not above it.
    """

    kind: str
    description: str
    metric: tuple[str, str]
    statistic: str
    threshold: float
    periods: tuple[int, int] = (3, 5)
    below: bool = False

    def arguments(self, dimensions: dict[str, str]) -> dict[str, Any]:
        """The arguments of `aws_cloudwatch_metric_alarm`, but for its name and actions."""
        namespace, metric = self.metric
        breaching, evaluated = self.periods
        percentile = self.statistic.startswith("p")
        return {
            "alarm_description": self.description,
            "namespace": namespace,
            "metric_name": metric,
            "dimensions": dimensions,
            "extended_statistic" if percentile else "statistic": self.statistic,
            # A percentile of a few calls says little.
            **({"evaluate_low_sample_count_percentiles": "ignore"} if percentile else {}),
            "period": 60,
            "evaluation_periods": evaluated,
            "datapoints_to_alarm": breaching,
            "comparison_operator": "LessThanThreshold" if self.below else "GreaterThanThreshold",
            "threshold": self.threshold,
            # Without calls there are no datapoints of them.
            "treat_missing_data": "notBreaching",
        }


def alarms(settings: Alarms) -> Iterator[Alarm]:
    """The alarms that are switched on, beside the one on 5xx answers, which every endpoint has."""
    yield from _of_calls(settings)
    yield from _of_instances(settings)


def _on(threshold: Threshold) -> bool:
    return threshold is not False


def _of_calls(settings: Alarms) -> Iterator[Alarm]:
    if _on(settings.model_errors_per_minute):
        yield Alarm(
            "model-errors",
            f"More than {settings.model_errors_per_minute} calls a minute were not answered with 2xx by the model "
            "server: bad input (4xx), a failing model (5xx) or a timeout. The dashboard shows which models.",
            (INVOCATIONS, "InvocationModelErrors"),
            "Sum",
            settings.model_errors_per_minute,
        )
    if _on(settings.p99_latency_milliseconds):
        yield Alarm(
            "p99-latency",
            f"The slowest 1 % of the calls take more than {settings.p99_latency_milliseconds} ms in the container. "
            "Instances are overloaded, or a model is slow; calls fail after 60 s.",
            (INVOCATIONS, "ModelLatency"),
            "p99",
            settings.p99_latency_milliseconds * MICROSECONDS,
        )
    if _on(settings.loading_wait_milliseconds):
        yield Alarm(
            "loading-wait",
            f"Calls wait more than {settings.loading_wait_milliseconds} ms on average until their model is downloaded "
            "and loaded. Models are large, or too many are asked for at once; calls fail after 60 s.",
            (INVOCATIONS, "ModelLoadingWaitTime"),
            "Average",
            settings.loading_wait_milliseconds * MICROSECONDS,
        )
    if _on(settings.cache_hit_percent):
        yield Alarm(
            "cache-hits",
            f"For half an hour less than {settings.cache_hit_percent} % of the calls found their model loaded. The "
            "models in use do not fit into memory: take larger instances, or more shards.",
            (INVOCATIONS, "ModelCacheHit"),
            "Average",
            settings.cache_hit_percent / 100,
            periods=(30, 30),
            below=True,
        )


def _of_instances(settings: Alarms) -> Iterator[Alarm]:
    if _on(settings.disk_percent):
        yield Alarm(
            "disk",
            f"The disk of an instance is more than {settings.disk_percent} % full with artifacts. SageMaker removes "
            "unused ones when it is full; loads then take longer. Raise volume_size_gb, or take more shards.",
            (INSTANCES, "DiskUtilization"),
            "Maximum",
            settings.disk_percent,
        )
    if _on(settings.memory_percent):
        yield Alarm(
            "memory",
            f"The memory of an instance is more than {settings.memory_percent} % full for a quarter of an hour. Models "
            "are a cache that fills up to 90 %, where the server has models unloaded; beyond that the kernel may kill "
            "it.",
            (INSTANCES, "MemoryUtilization"),
            "Maximum",
            settings.memory_percent,
            periods=(15, 15),
        )
    if _on(settings.unloads_per_minute):
        yield Alarm(
            "thrashing",
            f"More than {settings.unloads_per_minute} models a minute are unloaded to make room for others, for a "
            "quarter of an hour. Take larger instances, or more shards; more instances alone do not help.",
            (INVOCATIONS, "ModelUnloadingTime"),
            "SampleCount",
            settings.unloads_per_minute,
            periods=(15, 15),
        )
