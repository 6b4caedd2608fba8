"""JSON as the real provider writes it, and when two texts of it mean the same."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Go's encoder writes these so, for the sake of JSON inside HTML.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Wording:
    """What an attribute's different wordings share: `same` compares two, `normal` is the one that is stored."""

    same: Callable[[str, str], bool]
    normal: Callable[[str], str] = str


def go_json(document: Any, *, indent: int | None = None) -> str:
    """A document as Go's encoder writes it; `indent` None for the short form."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=False)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def compact_json(text: str) -> str:
    """The text without spaces and with its keys sorted; a text that is not JSON stays as it is."""
    document = _parsed(text)
    return text if document is None else go_json(_in_order(document))


def compact_policy(text: str) -> str:
    """As `compact_json`, with the policy's version first: some of IAM's checks want it there."""
    document = _parsed(text)
    if not isinstance(document, dict) or "Version" not in document:
        return compact_json(text)
    return go_json({"Version": document["Version"], **_in_order(document)})


def same_json(before: str, after: str) -> bool:
    """Whether two texts are the same JSON, lists of one element and the element itself alike (as IAM treats them)."""
    try:
        return _canonical(json.loads(before)) == _canonical(json.loads(after))
    except (TypeError, ValueError):
        return False


JSON = Wording(same_json, compact_json)
POLICY = Wording(same_json, compact_policy)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    # Go has one type of number here, and writes a whole one without a fraction.
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if all(isinstance(item, str) for item in items):
            items.sort()
        return items[0] if len(items) == 1 else items
    return value
