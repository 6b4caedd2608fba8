"""What differs between two JSON documents that an attribute holds as text: policies, lifecycle policies."""

from __future__ import annotations

import json
from typing import Any

# The lists that such documents are made of.
_LISTS = ("Statement", "rules")


def same_text(old: str, new: str) -> bool:
    """Whether two texts are the same, or the same JSON laid out in two ways."""
    return old == new or (old[:1] == new[:1] == "{" and bool(document := _parsed(old)) and document == _parsed(new))


def changed_parts(old: Any, new: Any) -> tuple[list[Any], list[Any]] | None:
    """The statements (or rules) that only one of two documents has; None when they are no two documents of one kind.

    None too where nothing but the rest differs, or all of it does: then the documents themselves say more.
    """
    first, second = _parsed(old), _parsed(new)
    for name in _LISTS:
        one, other = first.get(name), second.get(name)
        if not isinstance(one, list) or not isinstance(other, list):
            continue
        gone, added = _without(one, other), _without(other, one)
        kept = len(gone) < len(one) or len(added) < len(other)
        return (gone, added) if kept and (gone or added) else None
    return None


def _parsed(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or not text.startswith("{"):
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _without(items: list[Any], others: list[Any]) -> list[Any]:
    return [item for item in items if item not in others]
