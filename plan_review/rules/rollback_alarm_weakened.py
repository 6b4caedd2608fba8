"""An alarm that rolls a bad update back goes, or fires later, less often or for something else."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity
from plan_review.guardrails import alarm_names, watched_seconds
from plan_review.plan import Change, Plan
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN, Values

_METRIC = "aws_cloudwatch_metric_alarm"
_COMPOSITE = "aws_cloudwatch_composite_alarm"
_NAMESPACES = frozenset({"AWS/SageMaker", "/aws/sagemaker/Endpoints"})
# What the alarm looks at. Another one may be as good, so somebody must look.
_SUBJECT = (
    "namespace",
    "metric_name",
    "statistic",
    "extended_statistic",
    "dimensions",
    "metric_query",
    "threshold_metric_id",
)
# How surely missing data raise the alarm. A fleet that answers nothing sends no data.
_MISSING = {"breaching": 2, "missing": 1, None: 1, "": 1, "ignore": 0, "notBreaching": 0}
_FAR = 10
"""A threshold this many times as lenient, or a time this many times as long, is no longer the same alarm."""


def _check(stack: Stack) -> Iterator[Hit]:
    endpoints = [change for change in stack.plan.of_type(ENDPOINT) if change.before.exists and change.after.exists]
    for endpoint in endpoints:
        yield from _list(endpoint)
        yield from _watch(stack.plan, endpoint)
    for change in stack.plan.of_type(_METRIC, _COMPOSITE):
        if not change.action.changes or not change.before.exists or change.deposed is not None:
            continue
        users = [item for item in endpoints if _rolls_back(item, change)]
        if users or (not any(True for _ in stack.plan.of_type(ENDPOINT)) and _watches_endpoints(change)):
            yield from _alarm(change, users)


def _rolls_back(endpoint: Change, alarm: Change) -> bool:
    names = alarm_names(endpoint.after)
    return names is not UNKNOWN and shown(alarm.before, "alarm_name") in names


def _watches_endpoints(alarm: Change) -> bool:
    return alarm.before.at("namespace") in _NAMESPACES


def _list(endpoint: Change) -> Iterator[Hit]:
    before, after = alarm_names(endpoint.before), alarm_names(endpoint.after)
    if isinstance(before, list) and isinstance(after, list) and after and (gone := sorted({*before} - {*after})):
        left = ", ".join(after)
        yield Hit(
            endpoint.address, f"{', '.join(gone)} no longer rolls an update back; left: {left}", Severity.APPROVAL
        )


def _watch(plan: Plan, endpoint: Change) -> Iterator[Hit]:
    """An update that is watched for a shorter time than before."""
    before, after = watched_seconds(endpoint.before), watched_seconds(endpoint.after)
    names = alarm_names(endpoint.after)
    if before is None or after is None or after >= before or names is UNKNOWN or not names:
        return
    times = [
        seconds
        for alarm in plan.of_type(_METRIC)
        if alarm.after.exists and shown(alarm.after, "alarm_name") in names
        if (seconds := _seconds_to_fire(alarm.after)) is not None
    ]
    late = bool(times) and after < min(times) <= before
    words = f", and no alarm fires in less than {min(times):.0f} s" if late else ""
    message = f"an update is watched for {after:.0f} s, before for {before:.0f} s{words}"
    yield Hit(endpoint.address, message, None if late else Severity.APPROVAL)


def _alarm(change: Change, users: list[Change]) -> Iterator[Hit]:
    name = shown(change.before, "alarm_name")
    if not change.after.exists:
        surely = change.destroys and users
        message = f"alarm {name} is {change.action.value}" + (f" while {users[0].address} names it" if users else "")
        yield Hit(change.address, message, None if surely else Severity.APPROVAL)
        return
    if users and change.after.at("alarm_name") not in (change.before.at("alarm_name"), UNKNOWN):
        new = shown(change.after, "alarm_name")
        yield Hit(change.address, f"alarm {name} is renamed to {new} while {users[0].address} names it")
    for what, blocked in _weaknesses(change, users):
        yield Hit(change.address, f"alarm {name}: {what}", None if blocked else Severity.APPROVAL)


def _weaknesses(change: Change, users: list[Change]) -> Iterator[tuple[str, bool]]:
    """Each way in which the alarm fires later or less often, and whether it cannot be relied on any more."""
    before, after = change.before, change.after
    if change.type == _COMPOSITE:
        if before.at("alarm_rule") != after.at("alarm_rule"):
            yield _pair(change, "alarm_rule"), str(after.at("alarm_rule")).strip().upper() in ("FALSE", "(FALSE)")
        return
    yield from _threshold(change)
    yield from _time(change, users)
    missing = _MISSING.get(after.text("treat_missing_data"), 0)
    if missing < _MISSING.get(before.text("treat_missing_data"), 0):
        yield _pair(change, "treat_missing_data"), False
    for name in _SUBJECT:
        if (before.at(name) or None) != (after.at(name) or None):
            yield _pair(change, name), name == "dimensions" and _other_endpoint(after, users)


def _pair(change: Change, name: str) -> str:
    return f"{name}: {shown(change.before, name)} -> {shown(change.after, name)}"


def _threshold(change: Change) -> Iterator[tuple[str, bool]]:
    before, after = change.before, change.after
    operators = before.text("comparison_operator") or "", after.text("comparison_operator") or ""
    if operators[0][:4] != operators[1][:4]:
        yield _pair(change, "comparison_operator"), True
        return
    old, new = before.at("threshold"), after.at("threshold")
    if old != new and not (isinstance(old, int | float) and isinstance(new, int | float)):
        yield _pair(change, "threshold"), new is None
    elif old != new and (new > old if operators[1].startswith("Greater") else new < old):
        far = (
            new > max(abs(old), 1) * _FAR if operators[1].startswith("Greater") else new * _FAR < old or new < 0 <= old
        )
        yield _pair(change, "threshold"), far


def _time(change: Change, users: list[Change]) -> Iterator[tuple[str, bool]]:
    old, new = _seconds_to_fire(change.before), _seconds_to_fire(change.after)
    if new is None or (old is not None and new <= old):
        return
    watched = [seconds for item in users if (seconds := watched_seconds(item.after)) is not None]
    never = bool(watched) and new > max(watched) and (old is None or old <= max(watched))
    far = old is not None and new >= old * _FAR
    words = f", and an update is watched for {max(watched):.0f} s" if watched else ""
    was = "unknown" if old is None else f"{old:.0f}"
    yield f"seconds of errors until it fires: {was} -> {new:.0f}{words}", never or far


def _seconds_to_fire(alarm: Values) -> float | None:
    """Metrics are summed up over `period`; so many of the periods evaluated must be bad."""
    period, evaluated = alarm.visible("period"), alarm.visible("evaluation_periods")
    needed = alarm.visible("datapoints_to_alarm") or evaluated
    if not isinstance(period, int | float) or not isinstance(needed, int | float):
        return None
    return float(period * needed)


def _other_endpoint(alarm: Values, users: list[Change]) -> bool:
    named = alarm.at("dimensions", "EndpointName")
    return bool(users) and named is not UNKNOWN and named not in {item.after.at("name") for item in users}


RULE = Rule(
    id="rollback-alarm-weakened",
    title="A rollback alarm is removed or made toothless",
    severity=Severity.BLOCKED,
    explanation=(
        "During an update SageMaker watches these alarms and nothing else: a bad image that starts up reaches all "
        "instances unless one of them fires in time. An alarm cannot be relied on if it is destroyed while the "
        "endpoint names it, if it looks the other way, if it needs longer than the update is watched, or if its "
        "threshold or time is ten times as lenient. Milder changes ask for approval. Whether the alarm's own "
        "actions are enabled makes no difference to SageMaker."
    ),
    advice=(
        "Keep the time to fire (`period` x `evaluation_periods`) below the update's waits, and the threshold at "
        "what callers would call an outage. Take an alarm off the endpoint's list before destroying it."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",
    check=_check,
)
