"""The rules of a `.dockerignore` file, as the container engines read them.

Follows `ignorefile.ReadAll` and `patternmatcher` of github.com/moby/patternmatcher, which Docker, BuildKit and
Finch use: https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property

from image_builder.errors import ImageBuilderError

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Pattern:
    """One line of the file: a cleaned path pattern, and whether it brings files back (`!`)."""

    text: str
    includes: bool

    @cached_property
    def expression(self) -> re.Pattern[str]:
        try:
            return re.compile(_translate(self.text), re.DOTALL)
        except re.error as error:
            raise ImageBuilderError(f".dockerignore: the pattern {self.text!r} is not valid: {error}.") from error

    def matches(self, path: str) -> bool:
        """Whether the pattern matches the path or one of the folders it lies in."""
        parts = path.split("/")
        return any(self.expression.fullmatch("/".join(parts[:depth])) for depth in range(len(parts), 0, -1))


class IgnoreRules:
    """The patterns of one file, in order: the last one that matches a path decides."""

    def __init__(self, text: str = "") -> None:
        self.patterns = parse(text)

    @property
    def may_include_again(self) -> bool:
        """Whether a file inside an excluded folder can be part of the context all the same."""
        return any(pattern.includes for pattern in self.patterns)

    def excludes(self, path: str) -> bool:
        """Whether `path` (relative to the context, with forward slashes) stays out of the context."""
        excluded = False
        for pattern in self.patterns:
            if pattern.includes == excluded and pattern.matches(path):
                excluded = not pattern.includes
        return excluded


def parse(text: str) -> list[Pattern]:
    """The patterns of a `.dockerignore` file.

    Raises:
        ImageBuilderError: a line holds nothing but an exclamation mark, or a pattern cannot be read.
    """
    patterns = []
    for number, raw_line in enumerate(text.removeprefix(_BYTE_ORDER_MARK).split("\n"), start=1):
        line = raw_line.strip()
        if not line or raw_line.startswith("#"):
            continue
        includes = line.startswith("!")
        if includes:
            line = line[1:].strip()
            if not line:
                raise ImageBuilderError(f".dockerignore, line {number}: '!' needs a pattern behind it.")
        cleaned = _clean(line)
        pattern = Pattern(cleaned, includes)
        pattern.expression  # noqa: B018  complain about a wrong pattern here, whether or not a file meets it
        patterns.append(pattern)
    return patterns


def _clean(pattern: str) -> str:
    """Go's `filepath.Clean`, without the leading slash: patterns are relative to the context."""
    return posixpath.normpath("/" + pattern.lstrip("/")).lstrip("/") or "."


def _translate(pattern: str) -> str:
    expression = ""
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            if pattern[position : position + 1] != "*":
                expression += "[^/]*"
                continue
            position += 1
            if pattern[position : position + 1] == "/":
                position += 1
            # "**/" stands for any number of folders, none included; at the end, for everything below.
            expression += ".*" if position >= len(pattern) else "(?:.*/)?"
        elif character == "?":
            expression += "[^/]"
        elif character == "[":
            end = pattern.find("]", position + 1)
            if end < 0:
                raise ImageBuilderError(f".dockerignore: the pattern {pattern!r} has a '[' that nothing closes.")
            # Python reads more into a set than Go does: nested sets and operators (&&, ||, ~~, --).
            members = re.sub(r"[\[&|~]", r"\\\g<0>", pattern[position:end]).replace("--", "-\\-")
            expression += f"[{members}]"
            position = end + 1
        elif character == "\\" and position < len(pattern):
            expression += re.escape(pattern[position])
            position += 1
        else:
            expression += re.escape(character)
    return expression
