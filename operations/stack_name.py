"""A stack's full name, `dev-models` or `dev-models-2`, taken apart for the commands that a message names."""

from __future__ import annotations

import re

_NAME = re.compile(r"(.*)-([a-zA-Z]+(?:-\d+)?)")


def split_stack_name(name: str) -> tuple[str, str]:
    """Environment and stack: `dev-eu-models-2` is `models-2` of `dev-eu`.

    Raises:
        ValueError: it is no stack's name.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not ENVIRONMENT-STACK")
    return match[1], match[2]
