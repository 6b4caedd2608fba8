"""What a plan does to each SageMaker endpoint: settings, capacity, how traffic moves, what rolls it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review import guardrails
from plan_review.json_texts import changed_parts, same_text
from plan_review.plan import Action, Change, Plan
from plan_review.redaction import NONE_TEXT, UNKNOWN_TEXT, is_hidden, scrub, shown, shown_value
from plan_review.values import UNKNOWN, Path, Unknown, Values, dotted, settled

ENDPOINT = "aws_sagemaker_endpoint"
CONFIGURATION = "aws_sagemaker_endpoint_configuration"
MODEL = "aws_sagemaker_model"
SCALING_TARGET = "aws_appautoscaling_target"
SCALING_TYPES = (SCALING_TARGET, "aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action")
ENDPOINT_TYPES = frozenset({ENDPOINT, CONFIGURATION, MODEL, *SCALING_TYPES})

_IGNORED = frozenset({"id", "arn", "name", "name_prefix", "tags", "tags_all", "region"})
_LABELS: Mapping[str, str] = {
    "endpoint_config_name": "configuration",
    "image": "image",
    "instance_type": "instance type",
    "initial_instance_count": "instances",
    "volume_size_in_gb": "volume (GB)",
    "model_cache_setting": "model cache",
    "min_capacity": "scaling: fewest instances",
    "max_capacity": "scaling: most instances",
    "target_value": "scaling: target value",
}
_NOTHING = Values(None)


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting, old and new, as text that may be printed."""

    what: str
    before: str
    after: str

    @property
    def only_unknown(self) -> bool:
        """Whether the setting had no value and the plan does not say whether it will: the provider fills it in."""
        return self.before == NONE_TEXT and self.after == UNKNOWN_TEXT


@dataclass(frozen=True, slots=True)
class Variant:
    """One production variant of an endpoint configuration, as far as the plan knows it."""

    name: str
    instance_type: str | Unknown | None
    instance_count: int | Unknown | None


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """An endpoint that a plan touches, with the configuration and the scaling that belong to it.

    `configuration_before` and `configuration_after` are absent (`exists` is false) when the plan does not hold them.
    `new_configuration` says that the endpoint moves to another configuration, or that this is unknown.
    """

    change: Change
    name: str
    differences: tuple[Difference, ...]
    configuration_before: Values
    configuration_after: Values
    new_configuration: bool
    scaling_targets: tuple[Change, ...]

    @property
    def variants_before(self) -> tuple[Variant, ...]:
        return _variants(self.configuration_before)

    @property
    def variants_after(self) -> tuple[Variant, ...]:
        return _variants(self.configuration_after)

    @property
    def updates(self) -> bool:
        """Whether a running endpoint is updated in place."""
        return self.change.action is Action.UPDATE

    @property
    def traffic(self) -> str:
        """How the requests move from the old instances to the new ones."""
        return guardrails.traffic(self.change.after)

    @property
    def rollback(self) -> str:
        """What takes a failing update back."""
        return guardrails.rollback(self.change.after)

    @property
    def capacity(self) -> str:
        """What becomes of the number of instances that run now."""
        if not self.updates:
            return ""
        if not self.new_configuration:
            return "kept: the configuration stays"
        counts = [f"{shown_value(item.instance_count)} in variant {item.name}" for item in self.variants_after]
        text = f"reset by the new configuration to {', '.join(counts) or UNKNOWN_TEXT}"
        ranges = [_range(target.side) for target in self.scaling_targets if target.side.exists]
        return f"{text}; scaling has {', '.join(ranges)}" if ranges else text


def endpoint_changes(plan: Plan) -> tuple[EndpointChange, ...]:
    """Every endpoint that the plan creates, changes or destroys, and those of which only the scaling changes."""
    endpoints = sorted(plan.of_type(ENDPOINT), key=lambda change: change.address)
    found = []
    for change in endpoints:
        before = _linked(plan, change, "before", len(endpoints) == 1)
        forgotten = change.action is Action.FORGET  # it goes on as it was
        after = before if forgotten else _linked(plan, change, "after", len(endpoints) == 1)
        scaling = list(_scaling(plan, change, len(endpoints) == 1))
        if not change.action.changes and not any(item.action.changes for item in scaling):
            continue
        found.append(
            EndpointChange(
                change=change,
                name=_name(change),
                differences=() if forgotten else tuple(_all_differences(plan, change, before, after, scaling)),
                configuration_before=before,
                configuration_after=after,
                new_configuration=change.before.at("endpoint_config_name") != change.after.at("endpoint_config_name"),
                scaling_targets=tuple(item for item in scaling if item.type == SCALING_TARGET),
            )
        )
    return tuple(found)


def _name(endpoint: Change) -> str:
    """What callers know the endpoint by now, or will."""
    for side in (endpoint.before, endpoint.after):
        if side.at("name") is not None:
            return shown(side, "name")
    return scrub(endpoint.name)


def _linked(plan: Plan, endpoint: Change, side: str, alone: bool) -> Values:
    """The configuration that one side of an endpoint names; the stack's only one when the name is unknown."""
    wanted = getattr(endpoint, side).at("endpoint_config_name")
    known: list[Values] = [getattr(item, side) for item in plan.of_type(CONFIGURATION) if getattr(item, side).exists]
    if wanted is None:
        return _NOTHING
    for item in known:
        if wanted is not UNKNOWN and item.at("name") == wanted:
            return item
    return known[0] if alone and len(known) == 1 and UNKNOWN in (wanted, known[0].at("name")) else _NOTHING


def _scaling(plan: Plan, endpoint: Change, alone: bool) -> Iterator[Change]:
    """The scaling resources of an endpoint: `resource_id` is endpoint/NAME/variant/VARIANT."""
    names = {side.text("name") for side in (endpoint.before, endpoint.after)} - {None}
    for change in plan.of_type(*SCALING_TYPES):
        ids = [side.at("resource_id") for side in (change.before, change.after) if side.exists]
        named = any(isinstance(item, str) and item.split("/")[1:2] == [name] for item in ids for name in names)
        if named or (alone and any(item is UNKNOWN for item in ids)):
            yield change


def _all_differences(
    plan: Plan, endpoint: Change, before: Values, after: Values, scaling: Iterable[Change]
) -> Iterator[Difference]:
    models_before = _models(plan, before, "before")
    models_after = _models(plan, after, "after")
    for index in range(max(len(models_before), len(models_after))):
        old = models_before[index] if index < len(models_before) else _NOTHING
        new = models_after[index] if index < len(models_after) else _NOTHING
        yield from differences(old, new)
    yield from (
        item
        for item in differences(before, after)
        if not item.what.endswith("model_name") and not item.what.endswith("variant_name")
    )
    yield from differences(endpoint.before, endpoint.after)
    for change in scaling:
        if change.action.changes:
            yield from differences(change.before, change.after)


def _models(plan: Plan, configuration: Values, side: str) -> list[Values]:
    """The SageMaker models that a configuration's variants name, in the variants' order."""
    known: list[Values] = [getattr(item, side) for item in plan.of_type(MODEL) if getattr(item, side).exists]
    variants = configuration.block("production_variants")
    found = []
    for variant in variants if isinstance(variants, list) else ():
        wanted = variant.get("model_name") if isinstance(variant, Mapping) else None
        named = [item for item in known if isinstance(wanted, str) and item.at("name") == wanted]
        if named:
            found.append(named[0])
        elif wanted is UNKNOWN and len(known) == 1:
            found.append(known[0])
    return found


def model_names(configuration: Values) -> frozenset[str]:
    """The SageMaker models that a configuration's variants, shadow ones too, name."""
    names: list[Any] = []
    for block in ("production_variants", "shadow_production_variants"):
        variants = configuration.block(block)
        for variant in variants if isinstance(variants, list) else ():
            names.append(variant.get("model_name") if isinstance(variant, Mapping) else None)
    return frozenset(name for name in names if isinstance(name, str))


def served_models(plan: Plan) -> Iterator[tuple[str, Values, Values]]:
    """Each change from one SageMaker model to the next: an address and both sides.

    A model that is replaced under its address, and one that takes the place of another in an endpoint's configuration.
    """
    seen = set()
    for change in plan.of_type(MODEL):
        if change.action.changes and change.before.exists and change.after.exists and change.deposed is None:
            seen.add(change.before.text("name"))
            yield change.address, change.before, change.after
    for endpoint in endpoint_changes(plan):
        old = _models(plan, endpoint.configuration_before, "before")
        new = _models(plan, endpoint.configuration_after, "after")
        for before, after in zip(old, new, strict=False):
            if before.text("name") not in seen and before.at("name") != after.at("name"):
                yield endpoint.change.address, before, after


def differences(before: Values, after: Values) -> Iterator[Difference]:
    """Every setting in which two sides differ. Names, ARNs and tags are left out: they say nothing about behaviour.

    Terraform's null and the zero value that a provider stores for it are the same, and so are two ways of writing one
    JSON document. Of something new every setting that has a value is one, a 0 or false too.
    """
    old, new = dict(before.leaves()), dict(after.leaves())
    for path in [*old, *(path for path in new if path not in old)]:
        if _IGNORED.intersection(path[:1]) or _same(old.get(path), new.get(path), before.exists):
            continue
        if path not in old and _covered(path, new):
            continue
        unset = new.get(path) is UNKNOWN and settled(before.at(*path)) is None
        parts = changed_parts(before.visible(*path), after.visible(*path))
        if parts is not None and not is_hidden(before, path):
            yield Difference(f"{label(path)} (what differs)", *(shown_value(part) for part in parts))
        else:
            yield Difference(label(path), NONE_TEXT if unset else shown(before, *path), shown(after, *path))


def _same(old: Any, new: Any, existed: bool) -> bool:
    if new is UNKNOWN:
        return False
    if isinstance(old, str) and isinstance(new, str):
        return same_text(old, new)
    if existed:
        return settled(old) == settled(new)
    return old == new or (old in (None, "") and new in (None, ""))


def _covered(path: Path, leaves: Mapping[Path, Any]) -> bool:
    return any(path[:length] in leaves for length in range(1, len(path)))


def label(path: Path) -> str:
    """What people call a setting; for one without such a name its path."""
    if not path:
        return "everything"
    known = _LABELS.get(str(path[-1]))
    return known if known is not None else scrub(dotted(path))


def _variants(configuration: Values) -> tuple[Variant, ...]:
    blocks = configuration.visible("production_variants")
    if blocks is UNKNOWN:
        return (Variant("(unknown)", UNKNOWN, UNKNOWN),)
    found = []
    for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if not isinstance(block, Mapping):
            continue
        name, type_, count = (block.get(key) for key in ("variant_name", "instance_type", "initial_instance_count"))
        whole = isinstance(count, int) and not isinstance(count, bool)
        found.append(
            Variant(
                name=shown_value(name) if isinstance(name, str) else str(index + 1),
                instance_type=type_ if isinstance(type_, str) or type_ is UNKNOWN else None,
                instance_count=count if whole or count is UNKNOWN else None,
            )
        )
    return tuple(found)


def _range(target: Values) -> str:
    return f"{shown(target, 'min_capacity')} to {shown(target, 'max_capacity')} instances"
