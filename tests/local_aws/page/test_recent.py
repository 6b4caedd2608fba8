"""Metrics of the last fifteen minutes, and totals."""

from datetime import UTC, datetime

import pytest

from local_aws.cloudwatch.samples import Recorded, Sample
from local_aws.cloudwatch.statistics import Distribution
from local_aws.page.recent import BIN_SECONDS, BINS, RecentMetrics
from local_aws.sagemaker.metrics import INSTANCES, INVOCATIONS

NOW = 1_000_000.0


def recorded(
    metric: str, *values: float, at: float = NOW, endpoint: str = "a", namespace: str = INVOCATIONS
) -> Recorded:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    return Recorded(namespace, metric, dimensions, "Count", Sample(datetime.fromtimestamp(at, UTC), distribution))


@pytest.fixture
def recent() -> RecentMetrics:
    return RecentMetrics(lambda: NOW)


def test_percentiles_of_values_that_came_apart(recent: RecentMetrics) -> None:
    recent.record([recorded("ModelLatency", *(1000.0 * n for n in range(1, 51)))])
    assert recent.latency("a")[0]["p99_ms"] == 50
    recent.record([recorded("ModelLatency", *(1000.0 * n for n in range(51, 101)))])
    (point,) = recent.latency("a")
    assert (point["requests"], point["p50_ms"], point["p99_ms"]) == (100, 50, 99)


def test_errors_without_a_latency(recent: RecentMetrics) -> None:
    recent.record([recorded("Invocation4XXErrors", 1, 0, 1), recorded("Invocation5XXErrors", 1)])
    (point,) = recent.latency("a")
    assert (point["requests"], point["errors"], point["p50_ms"]) == (0, 3, None)


def test_totals_of_an_endpoint(recent: RecentMetrics) -> None:
    recent.record([recorded("Invocations", 1, 1, 1, 1), recorded("ModelCacheHit", 1, 0, 1)])
    recent.record([recorded("Invocation4XXErrors", 0, 1), recorded("ModelCacheHit", 0, endpoint="b")])
    recent.record([recorded("Invocations", 9, namespace=INSTANCES)])
    assert recent.totals("a") == {"invocations": 4, "client_errors": 1, "server_errors": 0, "hits": 2, "misses": 1}
    assert recent.totals("b")["misses"] == 1
    assert recent.totals("none")["invocations"] == 0


def test_old_points_go_and_totals_stay() -> None:
    clock = [NOW]
    recent = RecentMetrics(lambda: clock[0])
    recent.record([recorded("ModelLatency", 1000), recorded("Invocations", 1)])
    clock[0] += BIN_SECONDS * (BINS - 2)
    assert len(recent.latency("a")) == 1
    clock[0] += BIN_SECONDS * 3
    assert recent.latency("a") == []
    recent.record([])
    assert recent.totals("a")["invocations"] == 1
