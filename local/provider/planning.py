"""What Terraform's plan says, decided as the provider's SDK decides it.

- an argument that is not set takes its default; a computed one keeps its value or is unknown until the apply;
- a value that means the same as the one in the state (JSON in other words, null for "") is no change;
- a change of a `force_new` attribute replaces the resource; on a block it counts when the number of blocks changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .schema import Attribute, Block, NestedBlock
from .values import UNKNOWN, is_empty

Path = tuple[str | int, ...]
Same = Callable[[Any, Any], bool]
Sames = Mapping[tuple[str, ...], Same]


@dataclass(frozen=True)
class Plan:
    """The planned state and the paths whose change needs a new resource."""

    planned: dict[str, Any]
    replace: list[Path]


def plan_change(block: Block, prior: dict | None, proposed: dict, config: dict, sames: Sames | None = None) -> Plan:
    """Plan a creation (`prior` None) or an update.

    `sames` gives attributes, by their path of names, a meaning of "equal" beyond equality.
    """
    planner = _Planner(sames or {})
    planned = planner.block(block, prior, proposed, config, ())
    return Plan(planned, planner.replace if prior is not None else [])


def reconcile(block: Block, reference: dict | None, actual: dict, sames: Sames | None = None) -> dict[str, Any]:
    """The state that follows from what AWS answered.

    What `actual` does not speak of stays as in `reference` (the earlier state or the plan), and so does the wording of
    what is the same in meaning: then a refresh shows drift only where there is some.
    """
    return _reconcile_block(block, reference, actual, sames or {}, ())


def with_defaults(block: Block, config: dict) -> dict[str, Any]:
    """The configuration with the defaults of what it leaves out, in nested blocks too."""
    filled = dict(config)
    for name, attribute in block.attributes.items():
        if filled[name] is None and attribute.default is not None:
            filled[name] = attribute.default
    for name, nested in block.blocks.items():
        if isinstance(filled[name], list):
            filled[name] = [with_defaults(nested.block, item) for item in filled[name]]
    return filled


class _Planner:
    def __init__(self, sames: Sames):
        self.sames = sames
        self.replace: list[Path] = []

    def block(self, block: Block, prior: dict | None, proposed: dict, config: dict, path: Path) -> dict:
        planned = {}
        for name, attribute in block.attributes.items():
            before = None if prior is None else prior[name]
            value = self.attribute(attribute, (prior is not None, before), proposed[name], config[name], path)
            planned[name] = value
            if attribute.force_new and value is not before and not self.same(attribute, before, value, path):
                self.replace.append((*path, name))
        for name, nested in block.blocks.items():
            before = None if prior is None else prior[name]
            planned[name] = self.nested(nested, before, proposed[name], config[name], (*path, name))
        return planned

    def attribute(self, attribute: Attribute, earlier: tuple[bool, Any], proposed: Any, config: Any, path: Path) -> Any:
        exists, before = earlier
        if config is None:
            if attribute.default is not None:
                return before if exists and same_value(attribute, before, attribute.default) else attribute.default
            if attribute.computed:
                return before if exists else UNKNOWN
            # The SDK cannot tell an unset argument from an empty one.
            return before if exists and is_empty(before) else proposed
        if exists and config is not UNKNOWN and self.same(attribute, before, config, path):
            return before
        return config

    def nested(self, nested: NestedBlock, before: Any, proposed: Any, config: Any, path: Path) -> Any:
        if nested.nesting == "single":
            if config is None or config is UNKNOWN:
                return config
            return self.block(nested.block, before, proposed, config, path)
        if config is UNKNOWN or proposed is UNKNOWN:
            return UNKNOWN
        before = before or []
        if nested.computed and not config and before:
            return before
        if nested.force_new and len(proposed) != len(before):
            self.replace.append(path)
        if nested.nesting == "set":
            return self.elements(nested, before, proposed, path)
        planned = [
            self.block(nested.block, before[i] if i < len(before) else None, item, config[i], (*path, i))
            for i, item in enumerate(proposed)
        ]
        for i, item in enumerate(before[len(proposed) :], len(proposed)):
            self.removed(nested.block, item, (*path, i))
        return planned

    def elements(self, nested: NestedBlock, before: list[dict], proposed: list[dict], path: Path) -> list[dict]:
        names = tuple(step for step in path if isinstance(step, str))
        left = list(before)
        planned = []
        for item in proposed:
            twin = next((old for old in left if self.matches(nested.block, old, item, names)), None)
            if twin is None:
                twin = _Planner(self.sames).block(nested.block, None, item, item, path)
                if forces_new(nested.block, twin):
                    self.replace.append(path)
            else:
                left.remove(twin)
            planned.append(twin)
        if any(forces_new(nested.block, item) for item in left):
            self.replace.append(path)
        return planned

    def removed(self, block: Block, item: dict, path: Path) -> None:
        if forces_new(block, item):
            self.replace.append(path[:-1])

    def matches(self, block: Block, old: dict, new: dict, names: tuple[str, ...]) -> bool:
        """Whether a set's element is one that the state has already."""
        for name, attribute in block.attributes.items():
            value = new[name]
            if value is None:
                value = attribute.default if attribute.default is not None else value
                if value is None and (attribute.computed or is_empty(old[name])):
                    continue
            if not same_value(attribute, old[name], value, self.sames.get((*names, name))):
                return False
        for name, nested in block.blocks.items():
            was, now = old[name], new[name]
            if was is UNKNOWN or now is UNKNOWN or isinstance(now, dict) or now is None:
                if was != now:
                    return False
            elif len(was) != len(now) or not all(
                self.matches(nested.block, a, b, (*names, name)) for a, b in zip(was, now, strict=True)
            ):
                return False
        return True

    def same(self, attribute: Attribute, before: Any, value: Any, path: Path) -> bool:
        names = (*(step for step in path if isinstance(step, str)), attribute.name) if self.sames else ()
        return same_value(attribute, before, value, self.sames.get(names))


def forces_new(block: Block, item: dict) -> bool:
    """Whether a block's appearance or disappearance replaces the resource by one of the attributes set in it."""
    return any(
        attribute.force_new and item[name] is not UNKNOWN and not is_empty(item[name])
        for name, attribute in block.attributes.items()
    ) or any(
        forces_new(nested.block, inner)
        for name, nested in block.blocks.items()
        if isinstance(item[name], list)
        for inner in item[name]
    )


def same_value(attribute: Attribute, before: Any, value: Any, same: Same | None = None) -> bool:
    """Whether two values of an attribute mean the same to the provider."""
    if before is UNKNOWN or value is UNKNOWN:
        return False
    if before == value or (is_empty(before) and is_empty(value)):
        return True
    if before is None or value is None:
        return False
    if attribute.is_set and len(before) == len(value) and all(item in value for item in before):
        return True
    return same is not None and same(before, value)


def _reconcile_block(block: Block, reference: dict | None, actual: dict, sames: Sames, names: tuple[str, ...]) -> dict:
    state = {}
    for name, attribute in block.attributes.items():
        before = None if reference is None else reference[name]
        if name not in actual:
            state[name] = None if before is UNKNOWN else before
            continue
        value = attribute.conform(actual[name])
        keep = reference is not None and same_value(attribute, before, value, sames.get((*names, name)))
        state[name] = before if keep else value
    for name, nested in block.blocks.items():
        before = None if reference is None else reference[name]
        if nested.nesting == "single":
            # The provider's schema has one such block, `timeouts`, which AWS knows nothing of.
            state[name] = before
            continue
        if name not in actual:
            state[name] = before if isinstance(before, list) else []
            continue
        items = actual[name] or []
        olds = before if isinstance(before, list) else []
        if nested.nesting == "set":
            olds = _twins(nested.block, olds, items)
        state[name] = [
            _reconcile_block(nested.block, olds[i] if i < len(olds) else None, item, sames, (*names, name))
            for i, item in enumerate(items)
        ]
    return state


def _twins(block: Block, olds: list[dict], items: list[dict]) -> list[dict | None]:
    """For each element of a set that AWS answered, the state's element that it is; each of those once."""
    left = list(olds)
    twins = []
    for item in items:
        twin = next((old for old in left if _covers(block, old, item)), None)
        left = [old for old in left if old is not twin]
        twins.append(twin)
    return twins


def _covers(block: Block, old: dict, actual: dict) -> bool:
    """Whether a set's element that AWS answered is the one the state holds."""
    return all(
        old[name] is UNKNOWN or same_value(attribute, old[name], attribute.conform(actual[name]))
        for name, attribute in block.attributes.items()
        if name in actual
    )
