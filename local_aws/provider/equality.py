"""When two values of an attribute mean the same to the provider."""

from collections.abc import Mapping
from typing import Any

from .json_text import Wording
from .schema import Attribute
from .values import UNKNOWN, is_empty

Wordings = Mapping[tuple[str, ...], Wording]
"""By the path of names of the attribute."""


def same_value(attribute: Attribute, before: Any, value: Any, wording: Wording | None = None) -> bool:
    """Whether two values of an attribute mean the same to the provider."""
    if before is UNKNOWN or value is UNKNOWN:
        return False
    if before == value or (is_empty(before) and is_empty(value)):
        return True
    if before is None or value is None:
        return False
    if attribute.is_set and len(before) == len(value) and all(item in value for item in before):
        return True
    return wording is not None and wording.same(before, value)
