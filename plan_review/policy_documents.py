"""IAM policy documents as a plan holds them: parsed, normalised, compared.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Of each pair of elements (Action and NotAction, ...) at most one is not empty.

    `condition` is its JSON in a fixed order, empty when there is none. A principal is written `AWS:ARN`,
    `Service:NAME` or `*`.
    """

    allows: bool
    actions: frozenset[str]
    not_actions: frozenset[str]
    resources: frozenset[str]
    not_resources: frozenset[str]
    principals: frozenset[str]
    not_principals: frozenset[str]
    condition: str

    @property
    def everything_except(self) -> bool:
        """Whether it names what it does not concern: NotAction, NotResource or NotPrincipal."""
        return bool(self.not_actions or self.not_resources or self.not_principals)

    @property
    def grants(self) -> frozenset[tuple[str, str, str, str]]:
        """Each (principal, action, resource, condition) of the statement, whichever element names it."""
        return frozenset(
            (principal, action, resource, self.condition)
            for principal in self.principals | self.not_principals or {""}
            for action in self.actions | self.not_actions or {""}
            for resource in self.resources | self.not_resources or {""}
        )

    @property
    def conditions(self) -> Mapping[str, Any]:
        """The operators of the condition, with the keys and values below each."""
        parsed = json.loads(self.condition) if self.condition else {}
        return parsed if isinstance(parsed, dict) else {}


def statements(document: Any) -> tuple[Statement, ...] | None:
    """The statements of a policy in JSON; none for an absent document, None when it is no readable policy."""
    if document is None or document == "":
        return ()
    if not isinstance(document, str):
        return None
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        return None
    found = parsed.get("Statement") if isinstance(parsed, Mapping) else None
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        return None
    return tuple(_statement(item) for item in found)


def allow_statements(document: Any) -> tuple[Statement, ...] | None:
    """`statements`, without those that deny."""
    found = statements(document)
    return None if found is None else tuple(item for item in found if item.allows)


def _statement(item: Mapping[str, Any]) -> Statement:
    condition = item.get("Condition")
    return Statement(
        allows=item.get("Effect") != "Deny",
        actions=frozenset(_texts(item.get("Action"))),
        not_actions=frozenset(_texts(item.get("NotAction"))),
        resources=frozenset(_texts(item.get("Resource"))),
        not_resources=frozenset(_texts(item.get("NotResource"))),
        principals=frozenset(_principals(item.get("Principal"))),
        not_principals=frozenset(_principals(item.get("NotPrincipal"))),
        condition=json.dumps(condition, sort_keys=True) if condition else "",
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _principals(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{kind}:{name}" if name != "*" else "*" for kind, names in value.items() for name in _texts(names)]
    return _texts(value)


def covers(pattern: str, text: str) -> bool:
    """Whether everything that `text` means is meant by `pattern`. Both may hold the wildcards `*` and `?`."""
    return _compiled(pattern).fullmatch(text) is not None


def covers_any(patterns: Iterable[str], text: str) -> bool:
    return any(covers(pattern, text) for pattern in patterns)


def covers_action(patterns: Iterable[str], action: str) -> bool:
    """`covers_any` of actions, which IAM compares without regard to upper and lower case."""
    return any(covers(pattern.lower(), action.lower()) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # `?` is any one character, but no `*`, which stands for many.
    parts = (
        ".*" if part == "*" else "[^*]" if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def overlaps(one: str, other: str) -> bool:
    """Whether something is meant by both of two patterns."""
    places = {(0, 0)}
    seen = set(places)
    while places:
        i, j = places.pop()
        if i == len(one) and j == len(other):
            return True
        a, b = one[i : i + 1], other[j : j + 1]
        following = set()
        if a == "*":
            following |= {(i + 1, j), (i, j + 1)} if b else {(i + 1, j)}
        if b == "*":
            following |= {(i, j + 1), (i + 1, j)} if a else {(i, j + 1)}
        if a and b and "*" not in (a, b) and (a == b or "?" in (a, b)):
            following.add((i + 1, j + 1))
        places |= following - seen
        seen |= following
    return False
