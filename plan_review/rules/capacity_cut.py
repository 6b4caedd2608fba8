"""An endpoint gets fewer or smaller instances, or scales later or less far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.endpoint import ENDPOINT, SCALING_TARGET, SCALING_TYPES, EndpointChange, Variant
from plan_review.findings import Hit, Rule, Severity
from plan_review.plan import Change
from plan_review.redaction import shown, shown_value
from plan_review.stack import Stack
from plan_review.values import Path

# From small to large, within a family: https://aws.amazon.com/sagemaker/pricing/
_SIZES = ("medium", "large", "xlarge", *(f"{count}xlarge" for count in (2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 48)))
_TRACKING = ("target_tracking_scaling_policy_configuration", 0)
_SUSPENDED = ("suspended_state", 0)


def _check(stack: Stack) -> Iterator[Hit]:
    for endpoint in stack.endpoints:
        if endpoint.updates and endpoint.new_configuration:
            yield from _variants(endpoint)
    served = any(change.before.exists and change.after.exists for change in stack.plan.of_type(ENDPOINT))
    alone = not any(True for _ in stack.plan.of_type(ENDPOINT))
    for change in stack.plan.of_type(*SCALING_TYPES):
        if not (change.action.changes and change.before.exists):
            continue
        if change.after.exists:
            yield from _scaling(change)
        elif (served or alone) and change.deposed is None:
            yield Hit(change.address, f"auto scaling goes: the {change.type} is {change.action.value}")


def _variants(endpoint: EndpointChange) -> Iterator[Hit]:
    old = {variant.name: variant for variant in endpoint.variants_before}
    for variant in endpoint.variants_after:
        before = old.get(variant.name)
        if before is None:
            continue
        if _fewer(before.instance_count, variant.instance_count):
            yield Hit(
                endpoint.change.address,
                f"variant {variant.name}: {before.instance_count} -> {variant.instance_count} instances",
            )
        if _smaller(before, variant):
            types = f"{shown_value(before.instance_type)} -> {shown_value(variant.instance_type)}"
            yield Hit(endpoint.change.address, f"variant {variant.name}: smaller instances, {types}")
    yield from _against_range(endpoint)


def _against_range(endpoint: EndpointChange) -> Iterator[Hit]:
    for target in endpoint.scaling_targets:
        low, high = target.after.visible("min_capacity"), target.after.visible("max_capacity")
        for variant in endpoint.variants_after:
            count = variant.instance_count
            if _fewer(low, count):
                message = f"variant {variant.name} starts with {count} instance(s), fewer than scaling's least of {low}"
                yield Hit(endpoint.change.address, message)
            elif _fewer(count, high):
                message = f"variant {variant.name} starts with {count} instances, and scaling cuts them to {high}"
                yield Hit(endpoint.change.address, message)


def _scaling(change: Change) -> Iterator[Hit]:
    if change.type == SCALING_TARGET:
        for name, words in (("min_capacity", "least"), ("max_capacity", "most")):
            if _fewer(change.before.at(name), change.after.at(name)):
                yield Hit(change.address, f"{words} instances: {_shown(change, name)}")
        for name in ("dynamic_scaling_out_suspended", "scheduled_scaling_suspended"):
            if change.after.at(*_SUSPENDED, name) is True and change.before.at(*_SUSPENDED, name) is not True:
                yield Hit(change.address, f"scaling out is suspended: {name}")
    if _fewer(change.after.at(*_TRACKING, "target_value"), change.before.at(*_TRACKING, "target_value")):
        yield Hit(change.address, f"scales out later, target value: {_shown(change, *_TRACKING, 'target_value')}")
    if _fewer(change.after.at(*_TRACKING, "scale_out_cooldown"), change.before.at(*_TRACKING, "scale_out_cooldown")):
        yield Hit(
            change.address, f"scales out less often, cooldown: {_shown(change, *_TRACKING, 'scale_out_cooldown')}"
        )
    for name in ("min_capacity", "max_capacity"):
        path: Path = ("scalable_target_action", 0, name)
        if _fewer(change.before.at(*path), change.after.at(*path)):
            yield Hit(change.address, f"scheduled {name}: {_shown(change, *path)}")


def _shown(change: Change, *path: str | int) -> str:
    return f"{shown(change.before, *path)} -> {shown(change.after, *path)}"


def _number(value: object) -> float | None:
    """Numbers, also as text: the provider keeps the capacities of scheduled actions as text."""
    if isinstance(value, str) and value.isdecimal():
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _fewer(before: object, after: object) -> bool:
    one, other = _number(before), _number(after)
    return one is not None and other is not None and other < one


def _smaller(before: Variant, after: Variant) -> bool:
    one, other = before.instance_type, after.instance_type
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    family, _, size = one.rpartition(".")
    other_family, _, other_size = other.rpartition(".")
    known: Mapping[str, int] = {name: index for index, name in enumerate(_SIZES)}
    return family == other_family and known.get(other_size, 0) < known.get(size, 0) and other_size in known


RULE = Rule(
    id="capacity-cut",
    title="An endpoint's capacity is cut, or scaling does less",
    severity=Severity.APPROVAL,
    explanation=(
        "Fewer or smaller instances keep fewer models in memory and answer fewer calls. A lower limit, a higher "
        "target, or scaling that is removed or suspended does the same at the next busy hour, long after this "
        "change."
    ),
    advice=(
        "Compare with the busiest hour of the last weeks (Invocations, LoadedModelCount, ModelCacheHit) before merging."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html",
    check=_check,
)
