"""From PutMetricAlarm's request to a watched alarm, checked as AWS checks it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from collections.abc import Iterator
from typing import Any

from .alarm_rule import AlarmRule
from .metric_math import Expression
from .watched_alarm import MetricQuery, UnsupportedAlarmError, WatchedAlarm

_SHORT_PERIODS = (10, 20, 30)
_DAY_SECONDS = 24 * 60 * 60
_TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
_SINGLE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")


class InvalidAlarmError(ValueError):
    """The request is wrong; all complaints in one text."""


def watched_alarm(request: dict[str, Any]) -> WatchedAlarm:
    """Raises InvalidAlarmError, or what WatchedAlarm raises for an alarm that only AWS evaluates."""
    complaints = list(_complaints(request))
    if complaints:
        raise InvalidAlarmError(" ".join(complaints))
    if "Threshold" not in request or "ThresholdMetricId" in request:
        raise UnsupportedAlarmError("The local AWS has no anomaly detection: give the alarm a Threshold.")
    queries, expressions, watched = _queries(request)
    return WatchedAlarm(
        rule=AlarmRule(
            comparison=request["ComparisonOperator"],
            threshold=request["Threshold"],
            evaluation_periods=request["EvaluationPeriods"],
            datapoints_to_alarm=request.get("DatapointsToAlarm", request["EvaluationPeriods"]),
            treat_missing=request.get("TreatMissingData", "missing"),
        ),
        period_seconds=max(_periods(request)),
        queries=queries,
        expressions=expressions,
        watched=watched,
        evaluate_few_samples=request.get("EvaluateLowSampleCountPercentile") != "ignore",
    )


def _complaints(request: dict[str, Any]) -> Iterator[str]:
    periods = sorted(set(_periods(request)))
    for period in periods:
        if period not in _SHORT_PERIODS and (period < 60 or period % 60):
            yield f"Period {period} is neither 10, 20, 30 nor a multiple of 60 seconds."
    if not periods:
        yield "The alarm has no Period."
    elif len(periods) > 1:
        yield f"All metrics of an alarm must have the same period; these are {', '.join(map(str, periods))}."
    count = request["EvaluationPeriods"]
    if request.get("DatapointsToAlarm", count) > count:
        yield f"DatapointsToAlarm ({request['DatapointsToAlarm']}) is more than EvaluationPeriods ({count})."
    if periods and max(periods) * count > _DAY_SECONDS:
        yield f"EvaluationPeriods times Period is {max(periods) * count} seconds, more than a day ({_DAY_SECONDS})."
    if request.get("TreatMissingData", "missing") not in _TREATMENTS:
        yield f"TreatMissingData must be one of {', '.join(_TREATMENTS)}."
    yield from _metric_complaints(request)


def _metric_complaints(request: dict[str, Any]) -> Iterator[str]:
    if request.get("Metrics"):
        doubled = [member for member in _SINGLE_METRIC if request.get(member)]
        if doubled:
            yield f"With Metrics these must not be given: {', '.join(doubled)}."
        watched = [query["Id"] for query in request["Metrics"] if query.get("ReturnData", True)]
        if len(watched) != 1:
            yield f"Exactly one of Metrics must have ReturnData; these have: {', '.join(watched) or 'none'}."
        return
    for member in ("MetricName", "Namespace"):
        if not request.get(member):
            yield f"The alarm has no {member}."
    if bool(request.get("Statistic")) == bool(request.get("ExtendedStatistic")):
        yield "Give exactly one of Statistic and ExtendedStatistic."


def _periods(request: dict[str, Any]) -> list[int]:
    if not request.get("Metrics"):
        return [request["Period"]] if request.get("Period") else []
    stats = [query["MetricStat"]["Period"] for query in request["Metrics"] if "MetricStat" in query]
    return stats + [query["Period"] for query in request["Metrics"] if query.get("Period")]


def _queries(request: dict[str, Any]) -> tuple[dict[str, MetricQuery], dict[str, Expression], str]:
    """Queries and expressions by id, and the id of the one that is compared."""
    if not request.get("Metrics"):
        stat = {"Stat": request.get("ExtendedStatistic") or request["Statistic"], "Unit": request.get("Unit")}
        return {"m": _query({**stat, "Metric": request})}, {}, "m"
    queries = {query["Id"]: _query(query["MetricStat"]) for query in request["Metrics"] if "MetricStat" in query}
    expressions = {
        query["Id"]: Expression(query["Expression"]) for query in request["Metrics"] if "MetricStat" not in query
    }
    watched = next(query["Id"] for query in request["Metrics"] if query.get("ReturnData", True))
    return queries, expressions, watched


def _query(stat: dict[str, Any]) -> MetricQuery:
    metric = stat["Metric"]
    return MetricQuery(
        namespace=metric["Namespace"],
        metric=metric["MetricName"],
        dimensions=frozenset((item["Name"], item["Value"]) for item in metric.get("Dimensions") or []),
        statistic=stat["Stat"],
        unit=stat.get("Unit"),
    )
