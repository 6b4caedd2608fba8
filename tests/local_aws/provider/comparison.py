"""Where two plans or states differ, said in lines that name the resource and the attribute."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Chosen by AWS or by chance, or made of them; both must have one.
VARYING = frozenset(
    {
        "checksum_sha256",
        "copy_if_match",
        "create_date",
        "deposed",
        "deposed_key",
        "etag",
        "last_modified",
        "policy_id",
        "unique_id",
        "version_id",
    }
)

# The same, inside a text.
VARYING_TEXT = re.compile(r"(?<=:scalable-target/)\w+|(?<=:scalingPolicy:)[\w-]+")
# What may differ, by its path, and why.
EXCEPTIONS = (
    # The recordings are made with 6.34, the stand-in has the arguments of 6.25: this one is there since 6.28.
    # The recordings' account had no alarms of target tracking; AWS has two for each policy, as the local AWS has now.
    re.compile(r"aws_appautoscaling_policy\.\w+\.(\w+\.)*alarm_arns"),
    re.compile(r"aws_iam_policy\.\w+\.(\w+\.)?delay_after_policy_creation_in_ms$"),
)


def differences(recorded: Any, made: Any, where: str = "") -> Iterator[str]:
    """A line for each difference; nothing when they are alike."""
    if any(exception.search(where) for exception in EXCEPTIONS):
        return
    if isinstance(recorded, Mapping) and isinstance(made, Mapping):
        for name in sorted({*recorded, *made}):
            varies = name in VARYING or (name == "id" and "terraform_data." in where)
            if varies and _both_or_neither(recorded.get(name), made.get(name)):
                continue
            yield from differences(recorded.get(name, MISSING), made.get(name, MISSING), f"{where}.{name}")
    elif isinstance(recorded, list) and isinstance(made, list) and len(recorded) == len(made):
        for position, (one, other) in enumerate(zip(recorded, made, strict=True)):
            yield from differences(one, other, f"{where}[{position}]")
    elif isinstance(recorded, str) and isinstance(made, str):
        if VARYING_TEXT.sub("", recorded) != VARYING_TEXT.sub("", made):
            yield f"{where}: recorded {recorded!r}, made {made!r}"
    elif recorded != made or type(recorded) is not type(made):
        yield f"{where}: recorded {recorded!r}, made {made!r}"


def _both_or_neither(recorded: Any, made: Any) -> bool:
    return isinstance(recorded, str) and isinstance(made, str) and bool(recorded) == bool(made)


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def by_address(items: Any) -> dict[str, Any]:
    """The changes of a plan or the resources of a state, by address; a deposed one by its own."""
    named = {}
    for item in items:
        deposed = "deposed" in item or "deposed_key" in item
        named[f"{item['address']}{' (deposed)' if deposed else ''}"] = item
    return named


def plan_differences(recorded: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    yield from differences(by_address(recorded["changes"]), by_address(made["changes"]), "changes ")
    yield from differences(by_address(recorded["drift"]), by_address(made["drift"]), "drift ")
    yield from differences(recorded["outputs"], made["outputs"], "outputs ")
