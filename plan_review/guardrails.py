"""How an endpoint is updated, in words: the way of the traffic, and what takes a failing update back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

from collections.abc import Mapping

from plan_review.redaction import UNKNOWN_TEXT, shown, shown_value
from plan_review.values import UNKNOWN, Path, Unknown, Values


def traffic(endpoint: Values) -> str:
    """How the requests move from the old instances to the new ones."""
    blue_green = endpoint.block("deployment_config", 0, "blue_green_update_policy")
    rolling = endpoint.block("deployment_config", 0, "rolling_update_policy")
    if UNKNOWN in (blue_green, rolling):
        return UNKNOWN_TEXT
    if rolling:
        path: Path = ("deployment_config", 0, "rolling_update_policy", 0)
        size = _size(endpoint, (*path, "maximum_batch_size", 0))
        wait = shown(endpoint, *path, "wait_interval_in_seconds")
        return f"rolling: {size} at a time, {wait} s watched after each"
    if blue_green:
        path = ("deployment_config", 0, "blue_green_update_policy", 0)
        routing = (*path, "traffic_routing_configuration", 0)
        wait = shown(endpoint, *routing, "wait_interval_in_seconds")
        kind = endpoint.at(*routing, "type")
        words = {
            "CANARY": f"canary: {_size(endpoint, (*routing, 'canary_size', 0))} first, the rest after {wait} s",
            "LINEAR": f"linear: {_size(endpoint, (*routing, 'linear_step_size', 0))} at a time, {wait} s between steps",
            "ALL_AT_ONCE": f"all at once to a new fleet, watched for {wait} s",
        }
        return words.get(str(kind), shown(endpoint, *routing, "type"))
    return "all at once to a new fleet (the default: no deployment_config)"


def _size(endpoint: Values, path: Path) -> str:
    unit = {"CAPACITY_PERCENT": " %", "INSTANCE_COUNT": " instance(s)"}.get(str(endpoint.at(*path, "type")), "")
    return f"{shown(endpoint, *path, 'value')}{unit}"


def alarm_names(endpoint: Values) -> list[str] | Unknown:
    """The alarms that roll an update back, sorted."""
    alarms = endpoint.visible("deployment_config", 0, "auto_rollback_configuration", 0, "alarms")
    if alarms is UNKNOWN:
        return UNKNOWN
    blocks = [alarm for alarm in (alarms if isinstance(alarms, list) else ()) if isinstance(alarm, Mapping)]
    return sorted(shown_value(alarm.get("alarm_name")) for alarm in blocks)


def rollback(endpoint: Values) -> str:
    """What takes a failing update back."""
    names = alarm_names(endpoint)
    if names is UNKNOWN:
        return UNKNOWN_TEXT
    if names:
        return f"the alarms {', '.join(names)}, and new instances that do not become healthy"
    return "only new instances that do not become healthy (no alarm is set)"


def watched_seconds(endpoint: Values) -> float | None:
    """How long SageMaker watches the alarms of one update at the least; None where the plan does not say."""
    path: Path = ("deployment_config", 0, "blue_green_update_policy", 0)
    routing = (*path, "traffic_routing_configuration", 0)
    rolling: Path = ("deployment_config", 0, "rolling_update_policy", 0)
    if endpoint.at(*rolling) is not None:
        waits = [endpoint.visible(*rolling, "wait_interval_in_seconds")]
    elif endpoint.at(*path) is not None:
        waits = [endpoint.visible(*path, "termination_wait_in_seconds") or 0]
        waits.append(endpoint.visible(*routing, "wait_interval_in_seconds") or 0)
    else:
        return None
    return float(sum(waits)) if all(isinstance(item, int | float) for item in waits) else None
