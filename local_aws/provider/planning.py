"""What Terraform's plan says, decided as the provider's SDK decides it.

- an argument that is not set takes its default; a computed one (an argument or a block) keeps its value or is unknown
  until the apply;
- a value that means the same as the one in the state (JSON in other words, null for "") is no change;
- a change of a `force_new` attribute replaces the resource; on a block it counts when the number of blocks changes;
- the elements of a set are planned whole, with zero values for what is not set in them.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from .equality import Wordings, same_value
from .json_text import Wording
from .schema import Attribute, Block, NestedBlock
from .values import UNKNOWN, Steps, is_empty


@dataclass(frozen=True)
class Plan:
    """The planned state and the paths whose change needs a new resource."""

    planned: dict[str, Any]
    replace: list[Steps]


def plan_change(
    block: Block,
    prior: dict[str, Any] | None,
    proposed: dict[str, Any],
    config: dict[str, Any],
    wordings: Wordings | None = None,
) -> Plan:
    """Plan a creation (`prior` None) or an update.

    `wordings` names the attributes, by their path of names, of which several texts mean the same.
    """
    planner = _Planner(wordings or {})
    planned = planner.block(block, prior, proposed, config, ())
    return Plan(planned, planner.replace if prior is not None else [])


def with_defaults(block: Block, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the defaults of what it leaves out, in nested blocks too."""
    filled = dict(config)
    for name, attribute in block.attributes.items():
        if filled[name] is None and attribute.default is not None:
            filled[name] = attribute.default
    for name, nested in block.blocks.items():
        if isinstance(filled[name], list):
            filled[name] = [with_defaults(nested.block, item) for item in filled[name]]
    return filled


class _Earlier(NamedTuple):
    """The value of an attribute in the state, if there is a state, and whether its library has zero values."""

    exists: bool
    value: Any
    has_zeros: bool


class _Planner:
    def __init__(self, wordings: Wordings) -> None:
        self.wordings = wordings
        self.replace: list[Steps] = []

    def block(
        self, block: Block, prior: dict[str, Any] | None, proposed: dict[str, Any], config: dict[str, Any], path: Steps
    ) -> dict[str, Any]:
        planned = {}
        for name, attribute in block.attributes.items():
            before = None if prior is None else prior[name]
            earlier = _Earlier(prior is not None, before, block.has_zeros)
            value = self.attribute(attribute, earlier, proposed[name], config[name], path)
            planned[name] = value
            if attribute.force_new and value is not before and not self.same(attribute, before, value, path):
                self.replace.append((*path, name))
        for name, nested in block.blocks.items():
            before = None if prior is None else prior[name]
            planned[name] = self.nested(nested, before, proposed[name], config[name], (*path, name))
        return planned

    def attribute(self, attribute: Attribute, earlier: _Earlier, proposed: Any, config: Any, path: Steps) -> Any:
        exists, before, has_zeros = earlier
        if config is None:
            if attribute.default is not None:
                return before if exists and same_value(attribute, before, attribute.default) else attribute.default
            if attribute.computed:
                return before if exists else None if attribute.stays_null else UNKNOWN
            # The SDK cannot tell an unset argument from an empty one, and never takes a collection away as a whole.
            if exists and is_empty(before):
                return before
            return attribute.zero if exists and attribute.is_collection and has_zeros else proposed
        if exists and config is not UNKNOWN and self.same(attribute, before, config, path):
            return before
        wording = self.wording(attribute, path)
        return wording.normal(config) if wording is not None and isinstance(config, str) else config

    def nested(self, nested: NestedBlock, before: Any, proposed: Any, config: Any, path: Steps) -> Any:
        if nested.nesting == "single":
            is_given = config is not None and config is not UNKNOWN
            return self.block(nested.block, before, proposed, config, path) if is_given else config
        if config is UNKNOWN or proposed is UNKNOWN:
            return UNKNOWN
        if not config and ((nested.kept and before) or nested.computed):
            return UNKNOWN if before is None else before
        before = before or []
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

    def elements(
        self, nested: NestedBlock, before: list[dict[str, Any]], proposed: list[dict[str, Any]], path: Steps
    ) -> list[dict[str, Any]]:
        names = _names(path)
        left = list(before)
        planned = []
        for item in proposed:
            twin = next((old for old in left if self.matches(nested.block, old, item, names)), None)
            if twin is None:
                twin = with_zeros(nested.block, _Planner(self.wordings).block(nested.block, None, item, item, path))
                if forces_new(nested.block, twin):
                    self.replace.append(path)
            else:
                left.remove(twin)
            planned.append(twin)
        if any(forces_new(nested.block, item) for item in left):
            self.replace.append(path)
        return planned

    def removed(self, block: Block, item: dict[str, Any], path: Steps) -> None:
        if forces_new(block, item):
            self.replace.append(path[:-1])

    def matches(self, block: Block, old: dict[str, Any], new: dict[str, Any], names: tuple[str, ...]) -> bool:
        """Whether a set's element is one that the state has already."""
        for name, attribute in block.attributes.items():
            value = new[name]
            if value is None:
                value = attribute.default if attribute.default is not None else value
                if value is None and (attribute.computed or is_empty(old[name])):
                    continue
            if not same_value(attribute, old[name], value, self.wordings.get((*names, name))):
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

    def same(self, attribute: Attribute, before: Any, value: Any, path: Steps) -> bool:
        return same_value(attribute, before, value, self.wording(attribute, path))

    def wording(self, attribute: Attribute, path: Steps) -> Wording | None:
        # Most types have none, and this is asked for every attribute of thousands of objects.
        return self.wordings.get(_names(path, attribute.name)) if self.wordings else None


def _names(path: Steps, *last: str) -> tuple[str, ...]:
    return (*(step for step in path if isinstance(step, str)), *last)


def forces_new(block: Block, item: dict[str, Any]) -> bool:
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


def with_zeros(block: Block, value: dict[str, Any]) -> dict[str, Any]:
    """The block as the SDK writes one whole: zero values for what is not set."""
    if not block.has_zeros:
        return value
    filled = dict(value)
    for name, attribute in block.attributes.items():
        if filled[name] is None:
            filled[name] = attribute.zero
    for name, nested in block.blocks.items():
        if isinstance(filled[name], list):
            filled[name] = [with_zeros(nested.block, item) for item in filled[name]]
    return filled
