"""The demands of the types that are written with Terraform's framework, in its words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .checks import ACCOUNT_ID, enum_values
from .errors import Problem
from .values import UNKNOWN, Steps


def value(demands: Mapping[str, Any], found: Any, path: Steps) -> Iterator[Problem]:
    """What is wrong with the value of an argument."""
    where = f"Attribute {path_text(path)}"
    for name, demand in demands.items():
        if name == "length" and not demand[0] <= len(found) <= demand[1]:
            detail = f"{where} string length must be between {demand[0]} and {demand[1]}, got: {len(found)}"
            yield Problem("Invalid Attribute Value Length", detail, path)
        elif name == "at_least" and found < demand:
            yield Problem("Invalid Attribute Value", f"{where} value must be at least {demand}, got: {found}", path)
        elif name == "one_of" and found not in demand:
            allowed = " ".join(json.dumps(item) for item in demand)
            detail = f"{where} value must be one of: [{allowed}], got: {json.dumps(found)}"
            yield Problem("Invalid Attribute Value Match", detail, path)
        elif name == "enum" and found not in enum_values(demand):
            detail = (
                f"A string value was provided that is not valid.\n\nGiven Value: {found}\n"
                f"Expecting One Of: [{' '.join(enum_values(demand))}]"
            )
            yield Problem("Invalid String Enum Value", detail, path)
        elif name == "account_id" and not ACCOUNT_ID.search(found):
            detail = f"{where} value must be a valid AWS account ID, got: {found}"
            yield Problem("Invalid Attribute Value", detail, path)


def count(demands: Mapping[str, Any], found: Any, path: Steps) -> Iterator[Problem]:
    """What is wrong with the number of blocks."""
    least = demands.get("least_items", 0)
    if isinstance(found, list) and len(found) < least:
        detail = f"Attribute {path_text(path)} list must contain at least {least} elements, got: {len(found)}"
        yield Problem("Invalid Attribute Value", detail, path)


def children(demands: Mapping[str, Any], block: Mapping[str, Any], path: Steps) -> Iterator[Problem]:
    """Warnings about how many of some arguments of a block are set."""
    names = demands.get("one_child") or demands.get("most_one_child") or ()
    if any(block[name] is UNKNOWN for name in names):
        return
    found = [name for name in names if block[name] not in (None, [])]
    listed = "[" + ",".join(path_text((*path, name)) for name in names) + "]"
    if len(found) > 1:
        sentence = f"{len(found)} attributes specified when one (and only one) of {listed} is required"
    elif "one_child" in demands and not found:
        sentence = f"No attribute specified when one (and only one) of {listed} is required"
    else:
        return
    detail = f"{sentence}\n\nThis will be an error in a future version of the provider"
    yield Problem("Invalid Attribute Combination", detail, path, is_warning=True)


def read_only(path: Steps) -> Problem:
    """The complaint about an argument that only the provider sets."""
    return Problem(
        "Invalid Configuration for Read-Only Attribute",
        "Cannot set value for this attribute as the provider has marked it as read-only. Remove the configuration "
        "line setting the value.",
        path,
    )


def path_text(path: Steps) -> str:
    """`rule[0].filter`."""
    text = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path)
    return text.removeprefix(".")
