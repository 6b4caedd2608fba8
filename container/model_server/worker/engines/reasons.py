"""What engines say is wrong, without what only their authors need."""

import re

# Engines put the place in their own source before what they say: file, line, and the function with all its types.
_PLACE = re.compile(r"(?:/|\.\./|src/|[A-Za-z]:\\)\S*?\.(?:cc|cpp|h|hpp|cu):\d+:?\s*")
_TRACE = re.compile(r"^(?:Traceback|Stack trace|\s*File \"|\s*\[bt\]|\s*\(\d+\) )")
_MAX_REASON = 2000
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def reason(error: BaseException) -> str:
    """What an engine says is wrong: without its stack trace and the place in its own source, which come first."""
    text = _ESCAPES.sub("", str(error))
    text = " ".join(line.strip() for line in text.splitlines() if line.strip() and not _TRACE.match(line))
    while place := _PLACE.search(text):
        text = text[: place.start()] + _after_function(text[place.end() :])
    return text[:_MAX_REASON] or type(error).__name__


def _after_function(text: str) -> str:
    """The text behind a C++ function's name and parameters, where it begins with one."""
    opening = text.find("(")
    head = text[:opening]
    if opening < 0 or "::" not in head:
        return text
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            rest = text[position + 1 :].lstrip()
            # `[with T = ...]` and `const` belong to it.
            if rest.startswith("[with "):
                rest = rest[rest.find("]") + 1 :].lstrip()
            return rest.removeprefix("const ")
    return text
