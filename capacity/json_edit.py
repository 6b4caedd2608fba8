"""Changes values in the text of a JSON file and leaves every other character as it is."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass
class _Node:
    """Where a value is in the text, and for an object its members in their order."""

    begin: int
    end: int = 0
    members: "dict[str, _Member] | None" = None


@dataclass
class _Member:
    key_begin: int
    value: _Node = field(repr=False)


def with_value(text: str, path: Sequence[str], value: Any) -> str:
    """`text`, valid JSON, with `value` at `path`; objects on the way, and the member itself, are added if missing.

    Args:
        path: keys from the outermost object on, at least one.

    Raises:
        KeyError: something on the way is no object; the argument is its key.
    """
    node, _ = _scan(text, _skip(text, 0))
    for depth, key in enumerate(path):
        if node.members is None:
            raise KeyError(path[depth - 1] if depth else "")
        member = node.members.get(key)
        if member is None:
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            return _added(text, node, key, value)
        node = member.value
    if json.loads(text[node.begin : node.end]) == value and not isinstance(value, bool):
        return text
    return text[: node.begin] + json.dumps(value) + text[node.end :]


def _scan(text: str, begin: int) -> tuple[_Node, int]:
    """The value that begins there, and where it ends."""
    if text[begin] != "{":
        _, end = _DECODER.raw_decode(text, begin)
        return _Node(begin, end), end
    node = _Node(begin, members={})
    position = _skip(text, begin + 1)
    while text[position] != "}":
        key, key_end = _DECODER.raw_decode(text, position)
        colon = _skip(text, key_end)
        value, end = _scan(text, _skip(text, colon + 1))
        node.members[key] = _Member(position, value)  # type: ignore[index]
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    node.end = position + 1
    return node, node.end


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _added(text: str, parent: _Node, key: str, value: Any) -> str:
    """A member more at the end of an object, laid out as its other members are."""
    outer = _indent_of(text, parent.begin)
    members = list((parent.members or {}).values())
    if not members:
        inner = outer + (_step(text) or "  ")
        shown = _rendered(key, value, inner, _step(text))
        return f"{text[: parent.begin]}{{\n{inner}{shown}\n{outer}}}{text[parent.end :]}"
    last = members[-1].value.end
    indent = _own_indent(text, members[-1].key_begin)
    if indent is None:  # all on one line
        return f"{text[:last]}, {json.dumps(key)}: {json.dumps(value)}{text[last:]}"
    return f"{text[:last]},\n{indent}{_rendered(key, value, indent, indent.removeprefix(outer))}{text[last:]}"


def _rendered(key: str, value: Any, indent: str, step: str) -> str:
    shown = json.dumps(value, indent=step or "  ").replace("\n", f"\n{indent}")
    return f"{json.dumps(key)}: {shown}"


def _indent_of(text: str, position: int) -> str:
    """The white space that the line of `position` begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]


def _own_indent(text: str, position: int) -> str | None:
    """The same, if nothing else precedes `position` on its line."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line if not line.strip() and "\n" in text[:position] else None


def _step(text: str) -> str:
    """What one level of the file is indented by; nothing if it is all on one line."""
    match = re.search(r"\{\r?\n([ \t]+)\S", text)
    return match[1] if match else ""
