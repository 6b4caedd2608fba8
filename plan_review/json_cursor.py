"""Walks a large JSON document's outermost object member by member, without holding all of it as Python objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json.decoder import JSONDecodeError, JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder()


class JsonCursor:
    """A position in `text`. For each name that `members` yields, call `value` or exhaust `elements` exactly once.

    Every method raises json.JSONDecodeError where the text is no JSON.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def members(self) -> Iterator[str]:
        """The names of the outermost object's members. Raises ValueError when the document is none."""
        if self._next() != "{":
            self.value()
            raise ValueError("the document is not an object")
        separator = self._take("{")
        if self._next() == "}":
            separator = self._take("}")
        while separator != "}":
            if self._next() != '"':
                raise JSONDecodeError("Expecting property name enclosed in double quotes", self._text, self._position)
            name, self._position = scanstring(self._text, self._position + 1)
            self._take(":")
            yield name
            separator = self._take(",}")
        if self._next():
            raise JSONDecodeError("Extra data", self._text, self._position)

    def value(self) -> Any:
        """The value at the position."""
        self._next()
        value, self._position = _DECODER.raw_decode(self._text, self._position)
        return value

    def elements(self) -> Iterator[Any]:
        """The elements of the array at the position, decoded one at a time. Raises ValueError when it is no array."""
        if self._next() != "[":
            raise ValueError("an array is expected")
        separator = self._take("[")
        if self._next() == "]":
            separator = self._take("]")
        while separator != "]":
            yield self.value()
            separator = self._take(",]")

    def _next(self) -> str:
        """The next character that is no white space (empty at the end), without moving past it."""
        match = _SPACE.match(self._text, self._position)
        if match:
            self._position = match.end()
        return self._text[self._position : self._position + 1]

    def _take(self, expected: str) -> str:
        character = self._next()
        if not character or character not in expected:
            wanted = " or ".join(f"'{item}'" for item in expected)
            raise JSONDecodeError(f"Expecting {wanted}", self._text, self._position)
        self._position += 1
        return character
