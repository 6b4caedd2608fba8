"""The state that follows from what AWS answered, as the provider's SDK writes it.

- what AWS has nothing of is a zero value; what the provider does not ask AWS for stays as it was;
- a block is written whole: zero values for everything in it that is neither configured nor known to AWS;
- an apply that finds a collection empty where the plan says null leaves it null. The next refresh makes it empty, and
  Terraform shows that as drift.
Types that are written with the framework have null where these have a zero value.
"""

from typing import Any

from .equality import Wordings, same_value
from .schema import Attribute, Block, NestedBlock
from .values import UNKNOWN, has_unknown

Names = tuple[str, ...]


def settle(
    block: Block,
    reference: dict[str, Any] | None,
    actual: dict[str, Any],
    wordings: Wordings | None = None,
    *,
    is_apply: bool = False,
) -> dict[str, Any]:
    """The state of a resource.

    `reference` is the earlier state, or with `is_apply` the planned one, None for an import. The wording of what is
    the same in meaning stays as it is there: then a refresh shows drift only where there is some.
    """
    return _Settler(wordings or {}, is_apply).block(block, reference, actual, ())


class _Settler:
    def __init__(self, wordings: Wordings, is_apply: bool) -> None:
        self.wordings = wordings
        self.is_apply = is_apply

    def block(
        self, block: Block, reference: dict[str, Any] | None, actual: dict[str, Any], names: Names
    ) -> dict[str, Any]:
        state = {}
        for name, attribute in block.attributes.items():
            before = None if reference is None else reference[name]
            if name in actual:
                value = self.attribute(attribute, before, actual[name], block.has_zeros, (*names, name))
            else:
                value = None if before is UNKNOWN else before
            if names and block.has_zeros and value is None:
                value = attribute.zero
            if self.is_apply and reference is not None and attribute.is_collection and before is None and not value:
                value = None
            state[name] = value
        for name, nested in block.blocks.items():
            before = None if reference is None else reference[name]
            state[name] = self.nested(nested, before, actual, (*names, name))
        return state

    def attribute(self, attribute: Attribute, before: Any, answer: Any, has_zeros: bool, names: Names) -> Any:
        value = attribute.conform(answer)
        if value is None and has_zeros:
            value = attribute.zero
        wording = self.wordings.get(names)
        if before is not None and same_value(attribute, before, value, wording):
            return before
        return wording.normal(value) if wording is not None and isinstance(value, str) else value

    def nested(self, nested: NestedBlock, before: Any, actual: dict[str, Any], names: Names) -> Any:
        if nested.nesting == "single":
            # The provider's schema has one such block, `timeouts`, which AWS knows nothing of.
            return before
        olds = before if isinstance(before, list) else []
        if nested.name not in actual:
            items: list[dict[str, Any]] = [{}] * len(olds)
        else:
            items = actual[nested.name] or []
            if nested.nesting == "set":
                if self.is_apply and isinstance(before, list) and not has_unknown(before):
                    return before
                olds = _twins(nested.block, olds, items)
        return [
            self.block(nested.block, olds[i] if i < len(olds) else None, item, names) for i, item in enumerate(items)
        ]


def _twins(block: Block, olds: list[dict[str, Any]], items: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """For each element of a set that AWS answered, the state's element that it is; each of those once."""
    left = list(olds)
    twins = []
    for item in items:
        twin = next((old for old in left if _covers(block, old, item)), None)
        left = [old for old in left if old is not twin]
        twins.append(twin)
    return twins


def _covers(block: Block, old: dict[str, Any], actual: dict[str, Any]) -> bool:
    """Whether a set's element that AWS answered is the one the state holds."""
    return all(
        old[name] is UNKNOWN or same_value(attribute, old[name], attribute.conform(actual[name]))
        for name, attribute in block.attributes.items()
        if name in actual
    )
