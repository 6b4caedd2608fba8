"""Target tracking: the two alarms that a policy has, and how many instances it wants when one of them rings.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

PERIOD_SECONDS = 60
_HIGH_PERIODS = 3
"""So many minutes above the target add instances: the alarm that AWS makes has three of three datapoints."""

_LOW_PERIODS = 15
"""So many minutes below the target take instances away: the other alarm has fifteen of fifteen."""

_LOW_PART = 0.9
"""Of the target: where it counts as below."""

_COOLDOWN_SECONDS = 300
"""AWS's default for SageMaker's variants."""

_INVOCATIONS = "SageMakerVariantInvocationsPerInstance"


class UnsupportedMetricError(ValueError):
    """The local AWS has no such metric."""


@dataclass(frozen=True)
class TargetTracking:
    """A target tracking policy of one variant."""

    name: str
    target_value: float
    scale_out_cooldown_seconds: float = _COOLDOWN_SECONDS
    scale_in_cooldown_seconds: float = _COOLDOWN_SECONDS
    scales_in: bool = True

    @classmethod
    def read(cls, name: str, configuration: dict[str, Any]) -> Self:
        """From a TargetTrackingScalingPolicyConfiguration."""
        return cls(
            name=name,
            target_value=configuration["TargetValue"],
            scale_out_cooldown_seconds=configuration.get("ScaleOutCooldown", _COOLDOWN_SECONDS),
            scale_in_cooldown_seconds=configuration.get("ScaleInCooldown", _COOLDOWN_SECONDS),
            scales_in=not configuration.get("DisableScaleIn", False),
        )

    def wanted(self, newest_first: Sequence[float], capacity: int, *, is_high: bool) -> int:
        """How many instances the datapoints of the high or the low alarm ask for, where there are `capacity`."""
        if not newest_first:
            return capacity
        if is_high:
            return max(math.ceil(capacity * newest_first[0] / self.target_value), capacity + 1)
        if not self.scales_in:
            return capacity
        return min(math.ceil(capacity * max(newest_first) / self.target_value), capacity)


def alarm_requests(
    configuration: dict[str, Any], policy_arn: str, resource_id: str, endpoint: str, variant: str
) -> list[dict[str, Any]]:
    """What PutMetricAlarm is asked for: the high alarm, then the low one. Raises UnsupportedMetricError."""
    target = configuration["TargetValue"]
    metric = _metric(configuration, endpoint, variant)
    requests = []
    for kind, comparison, threshold, periods in (
        ("AlarmHigh", "GreaterThanThreshold", target, _HIGH_PERIODS),
        ("AlarmLow", "LessThanThreshold", target * _LOW_PART, _LOW_PERIODS),
    ):
        requests.append(
            {
                "AlarmName": f"TargetTracking-{resource_id}-{kind}-{uuid.uuid4()}",
                "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
                "ComparisonOperator": comparison,
                "Threshold": threshold,
                "EvaluationPeriods": periods,
                "AlarmActions": [policy_arn],
                **metric,
            }
        )
    return requests


def _metric(configuration: dict[str, Any], endpoint: str, variant: str) -> dict[str, Any]:
    """The members of PutMetricAlarm that say what is watched."""
    predefined = configuration.get("PredefinedMetricSpecification")
    if predefined is not None:
        if predefined["PredefinedMetricType"] != _INVOCATIONS:
            raise UnsupportedMetricError(
                f"The local AWS has no {predefined['PredefinedMetricType']}: only {_INVOCATIONS} and customized ones."
            )
        own = {"EndpointName": endpoint, "VariantName": variant}
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": "InvocationsPerInstance",
            "Dimensions": [{"Name": name, "Value": value} for name, value in own.items()],
            "Statistic": "Sum",
            "Period": PERIOD_SECONDS,
        }
    custom = configuration.get("CustomizedMetricSpecification") or {}
    if custom.get("Metrics"):
        return {"Metrics": [_query(item) for item in custom["Metrics"]]}
    if "MetricName" not in custom:
        raise UnsupportedMetricError("PredefinedMetricSpecification or CustomizedMetricSpecification is required.")
    found = {name: custom[name] for name in ("Namespace", "MetricName", "Statistic")}
    optional = {name: custom[name] for name in ("Dimensions", "Unit") if custom.get(name)}
    return {**found, **optional, "Period": PERIOD_SECONDS}


def _query(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "MetricStat": {**item["MetricStat"], "Period": PERIOD_SECONDS}} if "MetricStat" in item else item
