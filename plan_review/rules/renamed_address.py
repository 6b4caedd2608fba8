"""One address is destroyed and another created for the same thing: a rename that needs a `moved` block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.findings import Hit, Rule, Severity
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Action, Change
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_IDENTITY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(ARTIFACT_TYPES, ("bucket", "key")),
    "aws_iam_role_policy_attachment": ("role", "policy_arn"),
    "aws_iam_role_policy": ("role", "name"),
    "aws_appautoscaling_target": ("resource_id", "scalable_dimension"),
    "aws_cloudwatch_metric_alarm": ("alarm_name",),
    "aws_cloudwatch_composite_alarm": ("alarm_name",),
    "aws_cloudwatch_dashboard": ("dashboard_name",),
    "aws_ecr_lifecycle_policy": ("repository",),
}
_COMMON_IDENTITY = (("name",), ("bucket",), ("repository",))


def _check(stack: Stack) -> Iterator[Hit]:
    created: dict[tuple[str, ...], Change] = {}
    for change in stack.plan.changing:
        identity = _identity(change, "after")
        if change.action is Action.CREATE and identity is not None:
            created[identity] = change
    for change in stack.plan.changing:
        if change.action is not Action.DELETE or change.deposed is not None:
            continue
        identity = _identity(change, "before")
        twin = created.get(identity) if identity is not None else None
        if twin is not None:
            yield Hit(change.address, f"is destroyed and {twin.address} is created for the same {change.type}")


def _identity(change: Change, side: str) -> tuple[str, ...] | None:
    """The type with what AWS tells resources of this type apart by; None when that is unknown or unset."""
    values = getattr(change, side)
    choices = (_IDENTITY[change.type],) if change.type in _IDENTITY else _COMMON_IDENTITY
    for attributes in choices:
        found = [values.at(name) for name in attributes]
        if any(item is UNKNOWN for item in found):
            return None
        if all(isinstance(item, str) and item for item in found):
            return (change.type, *found)
    return None


RULE = Rule(
    id="renamed-address",
    title="A renamed address should be a moved block",
    severity=Severity.BLOCKED,
    explanation=(
        "Terraform sees a destroy and a create of the same thing, in no particular order: the create fails with "
        "«already exists», or the destroy comes last and takes away what was just made."
    ),
    advice=(
        "Add `moved { from = OLD  to = NEW }` (in CDKTF: `move_from_id`), or give the construct its old id; plan again."
    ),
    source="https://developer.hashicorp.com/terraform/language/moved",
    check=_check,
)
