"""From PutMetricAlarm's request to a verdict, with metrics and a clock that the test moves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.cloudwatch.alarm_request import InvalidAlarmError, watched_alarm
from local_aws.cloudwatch.metric_math import UnsupportedExpressionError
from local_aws.cloudwatch.samples import Sample
from local_aws.cloudwatch.statistics import Distribution, UnsupportedStatisticError
from local_aws.cloudwatch.watched_alarm import MetricQuery, UnsupportedAlarmError, WatchedAlarm

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def request(**overrides: Any) -> dict[str, Any]:
    members = {
        "AlarmName": "errors",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0,
        **overrides,
    }
    return {name: value for name, value in members.items() if value is not None}


def math_request(expression: str, **overrides: Any) -> dict[str, Any]:
    def metric(query_id: str, name: str, **stat: Any) -> dict[str, Any]:
        metric = {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": []}
        return {
            "Id": query_id,
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum", **stat},
            "ReturnData": False,
        }

    single = dict.fromkeys(("Namespace", "MetricName", "Dimensions", "Statistic", "Period"))
    queries = [
        metric("errors", "Invocation5XXErrors"),
        metric("all", "Invocations", **overrides.pop("stat", {})),
        {"Id": "rate", "Expression": expression, "ReturnData": True},
    ]
    return request(**{**single, **overrides}, Metrics=queries)


class Values:
    """Metrics by name: what they got, so many seconds after noon."""

    def __init__(self) -> None:
        self.samples: list[tuple[str, Sample]] = []

    def add(self, metric: str, seconds: float, *values: float) -> None:
        distribution = Distribution()
        for value in values:
            distribution.add(value)
        self.samples.append((metric, Sample(NOON + timedelta(seconds=seconds), distribution)))

    def read(self, query: MetricQuery, start: datetime, end: datetime) -> list[Sample]:
        return [sample for name, sample in self.samples if name == query.metric and start <= sample.at < end]


def state(alarm: WatchedAlarm, values: Values, seconds: float, before: str = "OK", factor: float = 1.0) -> str:
    return alarm.evaluate(values.read, NOON + timedelta(seconds=seconds), before, factor).state


def test_a_period_counts_once_it_is_over() -> None:
    alarm, values = watched_alarm(request(TreatMissingData="notBreaching")), Values()
    values.add("Invocation5XXErrors", 10, *[1] * 6)
    assert state(alarm, values, 59) == "OK"
    assert state(alarm, values, 60) == "ALARM"
    values.add("Invocation5XXErrors", 70, 0)
    assert state(alarm, values, 119, "ALARM") == "ALARM"
    assert state(alarm, values, 120, "ALARM") == "OK"


def test_without_new_data_the_last_ones_count_for_two_more_periods() -> None:
    alarm, values = watched_alarm(request(TreatMissingData="notBreaching")), Values()
    values.add("Invocation5XXErrors", 10, *[1] * 6)
    assert [state(alarm, values, 60 * minute, "ALARM") for minute in (1, 2, 3, 4)] == ["ALARM", "ALARM", "ALARM", "OK"]


def test_long_periods_slide_by_the_minute() -> None:
    alarm, values = watched_alarm(request(Period=300)), Values()
    values.add("Invocation5XXErrors", 250, *[1] * 6)
    assert state(alarm, values, 299) == "INSUFFICIENT_DATA"
    assert [state(alarm, values, seconds) for seconds in (300, 360, 540)] == ["ALARM"] * 3


def test_m_of_n() -> None:
    alarm, values = watched_alarm(request(EvaluationPeriods=3, DatapointsToAlarm=2)), Values()
    for minute, errors in enumerate((9, 0, 9, 0, 0)):
        values.add("Invocation5XXErrors", 60 * minute + 5, errors)
    found = [state(alarm, values, 60 * minute) for minute in (1, 2, 3, 4, 5)]
    assert found == ["OK", "OK", "ALARM", "OK", "OK"]


def test_percentile_of_latency() -> None:
    alarm = watched_alarm(
        request(MetricName="ModelLatency", Statistic=None, ExtendedStatistic="p99", Threshold=500_000.0)
    )
    values = Values()
    values.add("ModelLatency", 5, *[20_000.0] * 99)
    values.add("ModelLatency", 20, 900_000.0)
    assert state(alarm, values, 60) == "OK"
    values.add("ModelLatency", 30, 900_000.0)
    assert state(alarm, values, 60) == "ALARM"


@pytest.mark.parametrize(("few", "expected"), [("ignore", "OK"), ("evaluate", "ALARM"), (None, "ALARM")])
def test_percentile_of_few_samples(few: str | None, expected: str) -> None:
    alarm = watched_alarm(
        request(
            MetricName="ModelLatency", Statistic=None, ExtendedStatistic="p99", EvaluateLowSampleCountPercentile=few
        )
    )
    values = Values()
    values.add("ModelLatency", 5, *[9.0] * 999)
    assert state(alarm, values, 60) == expected
    values.add("ModelLatency", 6, 9.0)
    assert state(alarm, values, 60) == "ALARM"


def test_metric_math() -> None:
    alarm, values = watched_alarm(math_request("100 * FILL(errors, 0) / all")), Values()
    values.add("Invocations", 5, *[1] * 100)
    assert state(alarm, values, 60) == "OK"
    values.add("Invocation5XXErrors", 7, *[1] * 6)
    assert state(alarm, values, 60) == "ALARM"


def test_time_factor_makes_periods_shorter() -> None:
    alarm, values = watched_alarm(request(TreatMissingData="notBreaching")), Values()
    values.add("Invocation5XXErrors", 0.1, *[1] * 6)
    period = 60 / 64
    assert state(alarm, values, period - 0.01, factor=1 / 64) == "OK"
    assert state(alarm, values, period, factor=1 / 64) == "ALARM"
    assert state(alarm, values, 4 * period, "ALARM", factor=1 / 64) == "OK"


@pytest.mark.parametrize(
    ("given", "complaints"),
    [
        (request(Period=45), ["Period 45 is neither 10, 20, 30 nor a multiple of 60"]),
        (request(DatapointsToAlarm=2), ["DatapointsToAlarm (2) is more than EvaluationPeriods (1)"]),
        (request(Period=3600, EvaluationPeriods=25), ["90000 seconds, more than a day"]),
        (request(TreatMissingData="bad"), ["TreatMissingData must be one of missing, ignore, breaching, notBreaching"]),
        (request(Statistic=None, Period=None), ["has no Period", "exactly one of Statistic and ExtendedStatistic"]),
        (request(MetricName=None, Namespace=None), ["has no MetricName", "has no Namespace"]),
        (math_request("all", Statistic="Sum"), ["must not be given: Statistic"]),
        (math_request("all", stat={"Period": 120}), ["must have the same period; these are 60, 120"]),
    ],
)
def test_invalid_requests_are_refused_with_all_complaints(given: dict[str, Any], complaints: list[str]) -> None:
    with pytest.raises(InvalidAlarmError) as error:
        watched_alarm(given)
    assert all(complaint in str(error.value) for complaint in complaints)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (request(ComparisonOperator="GreaterThanUpperThreshold"), UnsupportedAlarmError),
        (request(Threshold=None), UnsupportedAlarmError),
        (request(Statistic=None, ExtendedStatistic="tm99"), UnsupportedStatisticError),
        (math_request("SUM(METRICS())"), UnsupportedExpressionError),
        (math_request("all / nothing"), UnsupportedAlarmError),
        (math_request("rate + 1"), UnsupportedAlarmError),
    ],
)
def test_what_only_aws_evaluates_is_refused(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        watched_alarm(given)
