"""A resource's attributes as a plan knows them: plain values, values unknown until the apply, and sensitive ones."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


class Unknown(enum.Enum):
    """Stands for a value that exists only after the apply. Never equal to a known value, never falsy."""

    UNKNOWN = "unknown until the apply"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN

Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """A path as Terraform's users write it, without the index of blocks that exist once."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return re.sub(r"\[0\](?=\.)", "", text.lstrip("."))


# Exactly dict and list: that is what JSON is read into, and a check against an abstract class costs ten times as much.
def _step(node: Any, key: str | int) -> Any:
    if isinstance(node, dict) and isinstance(key, str):
        return node.get(key)
    if isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node):
        return node[key]
    return None


def _overlay(node: Any, mask: Any) -> Any:
    """`node` with UNKNOWN wherever `mask` is true; Terraform leaves unknown keys out of the values altogether."""
    if not mask:
        return node
    if mask is True:
        return UNKNOWN
    if isinstance(mask, dict) and isinstance(node, dict | None):
        merged = dict(node or {})
        for key, inner in mask.items():
            value = _overlay(merged.get(key), inner)
            if value is not None:
                merged[key] = value
        return merged if merged or node is not None else None
    if isinstance(mask, list) and isinstance(node, list):
        return [_overlay(item, mask[index] if index < len(mask) else None) for index, item in enumerate(node)]
    return node


def _overlay_present(node: Any, mask: Any) -> Any:
    """`node` with UNKNOWN wherever `mask` is true and there is a value."""
    if node is None or node is UNKNOWN or not mask:
        return node
    if mask is True:
        return UNKNOWN
    if isinstance(node, dict) and isinstance(mask, dict):
        return {key: _overlay_present(item, mask.get(key)) for key, item in node.items()}
    if isinstance(node, list) and isinstance(mask, list):
        return [_overlay_present(item, mask[index] if index < len(mask) else None) for index, item in enumerate(node)]
    return node


def either(one: Any, other: Any) -> Any:
    """The mask that is true wherever one of two masks is."""
    if one is True or other is True:
        return True
    if not one or not other or one == other:
        return one or other
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: either(one.get(key), other.get(key)) for key in (*one, *(key for key in other if key not in one))}
    if isinstance(one, list) and isinstance(other, list):
        return [either(_step(one, index), _step(other, index)) for index in range(max(len(one), len(other)))]
    return one if _any_true(one) else other


def settled(value: Any) -> Any:
    """`value` in the one form that all ways to say the same have in common.

    Zero values and null are one (the provider stores either), and JSON text (policies) is what it says, whatever its
    layout.
    """
    if isinstance(value, dict):
        kept = {key: inner for key, item in value.items() if (inner := settled(item)) is not None}
        return kept or None
    if isinstance(value, list):
        items = [settled(item) for item in value]
        return items if any(item is not None for item in items) else None
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return settled(json.loads(value))
        except (ValueError, RecursionError):
            return value
    return value or None


def contains_unknown(value: Any) -> bool:
    """Whether `value`, as `Values.at` returns it, is unknown or holds something unknown."""
    if value is UNKNOWN:
        return True
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return False


@dataclass(frozen=True, slots=True)
class Values:
    """One side (before or after) of a change.

    `data` is None when the resource does not exist on that side. `unknown` and `sensitive` are Terraform's masks: the
    same shape as the values with `true` in place of what is unknown or sensitive. What is sensitive on one side of a
    change is in the mask of both: the value that a secret had before it was marked as one is as secret.
    """

    data: Mapping[str, Any] | None
    unknown: Any = None
    sensitive: Any = None

    @property
    def exists(self) -> bool:
        return self.data is not None

    def at(self, *path: str | int) -> Any:
        """The value at `path`: UNKNOWN where the plan does not know it, None where there is none.

        Containers come back with UNKNOWN in the place of each unknown part. A path that does not fit the values' shape
        is no error: there is no value there.
        """
        if self.data is None:
            return None
        node: Any = self.data
        mask: Any = self.unknown
        for key in path:
            if mask is True:
                return UNKNOWN
            node, mask = _step(node, key), _step(mask, key)
        return _overlay(node, mask)

    def visible(self, *path: str | int) -> Any:
        """Like `at`, with UNKNOWN in the place of each sensitive part too: what text may be made of."""
        node: Any = self.at(*path)
        mask: Any = self.sensitive
        for key in path:
            if mask is True:
                break
            mask = _step(mask, key)
        return UNKNOWN if mask is True and node is not None else _overlay_present(node, mask)

    def text(self, *path: str | int) -> str | None:
        """The string at `path`, or None when it is unknown or not a string."""
        value = self.at(*path)
        return value if isinstance(value, str) else None

    def block(self, *path: str | int) -> list[Any] | Unknown:
        """The nested blocks at `path` as a list (empty when there are none), or UNKNOWN."""
        value = self.at(*path)
        if value is UNKNOWN:
            return UNKNOWN
        if isinstance(value, list):
            return value
        return [value] if isinstance(value, dict) else []

    def has_sensitive(self, *path: str | int) -> bool:
        """Whether the value at `path` is sensitive or holds something sensitive."""
        mask = self.sensitive
        for key in path:
            if mask is True:
                return True
            mask = _step(mask, key)
        return _any_true(mask)

    def paths(self, attribute: str) -> Iterator[Path]:
        """The path of every scalar (or UNKNOWN) inside one attribute, as `leaves` has them."""
        mask = True if self.sensitive is True else _step(self.sensitive, attribute)
        yield from (path for path, _ in _leaves((attribute,), self.at(attribute), mask))

    def leaves(self) -> Iterator[tuple[Path, Any]]:
        """Every scalar (or UNKNOWN) with its path, in the order of the plan; a sensitive container as a whole.

        The keys of a sensitive map are as secret as its values.
        """
        if self.data is not None:
            yield from _leaves((), _overlay(self.data, self.unknown), self.sensitive)


def _any_true(mask: Any) -> bool:
    if isinstance(mask, dict):
        return any(_any_true(item) for item in mask.values())
    if isinstance(mask, list):
        return any(_any_true(item) for item in mask)
    return mask is True


def _leaves(path: Path, value: Any, sensitive: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict | list) and value and sensitive is True:
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves((*path, str(key)), item, _step(sensitive, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves((*path, index), item, _step(sensitive, index))
    elif value is not None:
        yield path, value
