"""Scaling may take an endpoint's last instance away, or asks for what AWS refuses; or traffic goes to no variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.endpoint import CONFIGURATION, SCALING_TARGET
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.plan import Change
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import Values

_ACTION = ("scalable_target_action", 0)
_LIMITS = {SCALING_TARGET: (), "aws_appautoscaling_scheduled_action": _ACTION}
_SCALED = "sagemaker:variant:DesiredInstanceCount"


def _check(stack: Stack) -> Iterator[Hit]:
    for type_, path in _LIMITS.items():
        for change in stack.plan.of_type(type_):
            if change.action.changes and change.after.exists and change.after.at("scalable_dimension") == _SCALED:
                yield from _limits(change, path)
    for change in stack.plan.of_type(CONFIGURATION):
        if change.action.changes and change.after.exists:
            yield from _weights(change)


def _limits(change: Change, path: tuple[str | int, ...]) -> Iterator[Hit]:
    low, high = change.after.at(*path, "min_capacity"), change.after.at(*path, "max_capacity")
    was = [change.before.at(*path, name) for name in ("min_capacity", "max_capacity")]
    limits = f"{shown(change.after, *path, 'min_capacity')} to {shown(change.after, *path, 'max_capacity')} instances"
    if _is_zero(high):
        yield Hit(change.address, f"the endpoint scales to zero: {limits}")
    elif _is_zero(low):
        yield Hit(change.address, f"the endpoint may scale to zero: {limits}")
    elif any(_is_zero(item) for item in was):
        old = f"{shown(change.before, *path, 'min_capacity')} to {shown(change.before, *path, 'max_capacity')}"
        message = f"the endpoint leaves zero: {old} -> {limits}"
        yield Hit(change.address, message, Severity.APPROVAL, Verdict.IN_PLACE)
    if _number(low) > _number(high) >= 0:
        yield Hit(change.address, f"scaling's least is above its most, which AWS refuses: {limits}")


def _number(value: object) -> float:
    """The number, also of one that is written as text; -1 for none."""
    if isinstance(value, str) and value.isdecimal():
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1


def _is_zero(value: object) -> bool:
    return _number(value) == 0


def _weights(change: Change) -> Iterator[Hit]:
    if _without_traffic(change.after) and not _without_traffic(change.before):
        yield Hit(change.address, "no variant gets traffic: every initial_variant_weight is 0")


def _without_traffic(configuration: Values) -> bool:
    variants = configuration.block("production_variants")
    found = [item for item in (variants if isinstance(variants, list) else ()) if isinstance(item, Mapping)]
    return bool(found) and all(_is_zero(item.get("initial_variant_weight")) for item in found)


RULE = Rule(
    id="scaled-to-zero",
    title="An endpoint may be scaled to zero, or away from it",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "A variant answers nothing without an instance. Only endpoints with inference components scale back out "
        "from zero, and a multi-model endpoint has none. Either AWS refuses a minimum of 0, or every call fails "
        "until somebody scales out by hand, and then all models are cold."
    ),
    advice="Keep `min_capacity` at 1 or more. To pause an environment, destroy its endpoint stack deliberately.",
    source=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html "
        "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-policy.html"
    ),
    check=_check,
)
