"""How many instances a target tracking policy wants, and what its alarms watch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.cloudwatch.alarm_request import watched_alarm
from local_aws.scaling.target_tracking import TargetTracking, UnsupportedMetricError, alarm_requests

ARN = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:resource/sagemaker/endpoint/e/variant/v:policyName/p"
RESOURCE = "endpoint/e/variant/v"


@pytest.mark.parametrize(
    ("newest_first", "is_high", "capacity", "wanted"),
    [
        ([250.0, 150.0, 120.0], True, 2, 5),
        ([101.0, 101.0, 101.0], True, 4, 5),
        ([], True, 4, 4),
        ([40.0] * 15, False, 4, 2),
        ([40.0] * 14 + [80.0], False, 4, 4),
        ([0.0] * 15, False, 4, 0),  # the target's minimum is above it
        ([], False, 4, 4),
    ],
)
def test_wanted(newest_first: list[float], is_high: bool, capacity: int, wanted: int) -> None:
    assert TargetTracking("p", 100.0).wanted(newest_first, capacity, is_high=is_high) == wanted


@given(st.lists(st.floats(0, 1000), max_size=15), st.integers(1, 20))
def test_the_high_alarm_only_adds_and_the_low_one_only_takes_away(newest_first: list[float], capacity: int) -> None:
    policy = TargetTracking("p", 100.0)
    assert policy.wanted(newest_first, capacity, is_high=True) >= capacity
    assert policy.wanted(newest_first, capacity, is_high=False) <= capacity


def configuration(**metric: Any) -> dict[str, Any]:
    return {"TargetValue": 70.0, **metric}


def test_alarms_of_invocations_per_instance() -> None:
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    high, low = alarm_requests(configuration(PredefinedMetricSpecification=metric), ARN, RESOURCE, "e", "v")
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert low["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmLow-")
    assert (high["Threshold"], high["EvaluationPeriods"], low["Threshold"], low["EvaluationPeriods"]) == (70, 3, 63, 15)
    for alarm in (high, low):
        made = watched_alarm(alarm)
        assert (made.period_seconds, alarm["AlarmActions"]) == (60, [ARN])
        query = made.queries["m"]
        assert (query.metric, query.statistic) == ("InvocationsPerInstance", "Sum")
        assert query.dimensions == {("EndpointName", "e"), ("VariantName", "v")}


def test_alarms_of_metrics_of_ones_own() -> None:
    one = {
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
    }
    high, _ = alarm_requests(configuration(CustomizedMetricSpecification=one), ARN, RESOURCE, "e", "v")
    assert watched_alarm(high).queries["m"].statistic == "Average"
    metric = {"Namespace": "n", "MetricName": "m"}
    several = [
        {"Id": "a", "MetricStat": {"Metric": metric, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "b", "Expression": "a / 2"},
    ]
    high, _ = alarm_requests(configuration(CustomizedMetricSpecification={"Metrics": several}), ARN, RESOURCE, "e", "v")
    assert watched_alarm(high).watched == "b"


@pytest.mark.parametrize(
    "metric",
    [
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}},
        {"CustomizedMetricSpecification": {}},
        {},
    ],
)
def test_metrics_that_are_not_there(metric: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedMetricError):
        alarm_requests(configuration(**metric), ARN, RESOURCE, "e", "v")
