"""What AWS tells resources of one type apart by."""

from __future__ import annotations

from collections.abc import Mapping

from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Change
from plan_review.values import UNKNOWN

IDENTITIES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(ARTIFACT_TYPES, ("bucket", "key")),
    "aws_iam_role_policy_attachment": ("role", "policy_arn"),
    "aws_iam_role_policy": ("role", "name"),
    "aws_sagemaker_model": ("name",),
    "aws_appautoscaling_target": ("resource_id", "scalable_dimension"),
    "aws_appautoscaling_policy": ("resource_id", "scalable_dimension", "name"),
    "aws_cloudwatch_metric_alarm": ("alarm_name",),
    "aws_cloudwatch_composite_alarm": ("alarm_name",),
    "aws_cloudwatch_dashboard": ("dashboard_name",),
    "aws_ecr_lifecycle_policy": ("repository",),
}
"""The attributes that identify a resource, by type."""
_COMMON = (("name",), ("bucket",), ("repository",))


def identity_of(change: Change, side: str) -> tuple[str, ...] | None:
    """The type with its identity on one side (`before` or `after`); None when that is unknown or unset."""
    values = getattr(change, side)
    choices = (IDENTITIES[change.type],) if change.type in IDENTITIES else _COMMON
    for attributes in choices:
        found = [values.at(name) for name in attributes]
        if any(item is UNKNOWN for item in found):
            return None
        if all(isinstance(item, str) and item for item in found):
            return (change.type, *found)
    return None
