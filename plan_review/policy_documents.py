"""IAM policy documents as a plan holds them: parsed, normalised, compared.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Statement:
    """One Allow statement. `everything_except` says that it uses NotAction, NotResource or NotPrincipal.

    `condition` is its JSON in a fixed order, empty when there is none.
    """

    actions: frozenset[str]
    resources: frozenset[str]
    principals: frozenset[str]
    condition: str
    everything_except: bool

    @property
    def grants(self) -> frozenset[tuple[str, str, str, str]]:
        """Each (principal, action, resource, condition) that the statement allows."""
        return frozenset(
            (principal, action, resource, self.condition)
            for principal in self.principals or {""}
            for action in self.actions or {""}
            for resource in self.resources or {""}
        )


def allow_statements(document: Any) -> tuple[Statement, ...] | None:
    """The Allow statements of a policy in JSON; none for an absent document, None when it is no readable policy."""
    if document is None or document == "":
        return ()
    if not isinstance(document, str):
        return None
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        return None
    statements = parsed.get("Statement") if isinstance(parsed, Mapping) else None
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(item, Mapping) for item in statements):
        return None
    return tuple(_statement(item) for item in statements if item.get("Effect") != "Deny")


def _statement(item: Mapping[str, Any]) -> Statement:
    condition = item.get("Condition")
    return Statement(
        actions=frozenset(_texts(item.get("Action", item.get("NotAction")))),
        resources=frozenset(_texts(item.get("Resource", item.get("NotResource")))),
        principals=frozenset(_principals(item.get("Principal", item.get("NotPrincipal")))),
        condition=json.dumps(condition, sort_keys=True) if condition else "",
        everything_except=any(key in item for key in ("NotAction", "NotResource", "NotPrincipal")),
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _principals(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{kind}:{name}" if name != "*" else "*" for kind, names in value.items() for name in _texts(names)]
    return _texts(value)
