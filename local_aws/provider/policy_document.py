"""The JSON that data.aws_iam_policy_document makes, byte for byte as the real provider writes it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import Problem, ProviderError

NEWEST_VERSION = "2012-10-17"
Statement = dict[str, Any]


def policy_document(config: Mapping[str, Any]) -> dict[str, Any]:
    """The policy that the data source's arguments describe, its members in IAM's order.

    Raises ProviderError for a source that is not JSON, or statements with one Sid.
    """
    version = config["version"] or NEWEST_VERSION
    sources = [*(config["source_policy_documents"] or ()), *filter(None, [config["source_json"]])]
    overrides = [*(config["override_policy_documents"] or ()), *filter(None, [config["override_json"]])]
    own = [_statement(block, version) for block in config["statement"]]
    _require_distinct_sids(own, "statement")
    merged: dict[str, Any] = {}
    statements: list[Statement] = []
    for text in filter(None, sources):
        document = _parse(text, "source_policy_documents")
        merged |= {key: document[key] for key in ("Version", "Id") if key in document}
        statements += _as_list(document.get("Statement", ()))
    _require_distinct_sids(statements, "source_policy_documents")
    statements = _override(statements, own)
    if config["version"] or "Version" not in merged:
        merged["Version"] = version
    if config["policy_id"]:
        merged["Id"] = config["policy_id"]
    for text in filter(None, overrides):
        document = _parse(text, "override_policy_documents")
        merged |= {key: document[key] for key in ("Version", "Id") if key in document}
        statements = _override(statements, _as_list(document.get("Statement", ())))
    result = {key: merged[key] for key in ("Version", "Id") if key in merged}
    return result | ({"Statement": statements} if statements else {})


def _statement(block: Mapping[str, Any], version: str) -> Statement:
    statement: Statement = {}
    if block["sid"]:
        statement["Sid"] = block["sid"]
    statement["Effect"] = block["effect"] or "Allow"
    for name, key in (("actions", "Action"), ("not_actions", "NotAction")):
        if block[name]:
            statement[key] = _one_or_sorted(block[name])
    for name, key in (("resources", "Resource"), ("not_resources", "NotResource")):
        if block[name]:
            statement[key] = _one_or_sorted(_variables(block[name], version))
    for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block[name]:
            statement[key] = _principals(block[name], version)
    if block["condition"]:
        statement["Condition"] = _conditions(block["condition"], version)
    return statement


def _principals(blocks: Iterable[Mapping[str, Any]], version: str) -> Any:
    principals: dict[str, Any] = {}
    for block in blocks:
        values = _variables(block["identifiers"], version)
        before = principals.get(block["type"])
        if before is None:
            principals[block["type"]] = _one_or_sorted(values)
        else:
            principals[block["type"]] = [*_as_list(before), *sorted(values, reverse=True)]
    return "*" if principals == {"*": "*"} else dict(sorted(principals.items()))


def _conditions(blocks: Iterable[Mapping[str, Any]], version: str) -> dict[str, dict[str, Any]]:
    conditions: dict[str, dict[str, Any]] = {}
    for block in blocks:
        values = _variables(block["values"], version)
        tests = conditions.setdefault(block["test"], {})
        before = _as_list(tests[block["variable"]]) if block["variable"] in tests else []
        together = [*before, *values]
        tests[block["variable"]] = together[0] if len(together) == 1 else together
    return {test: dict(sorted(conditions[test].items())) for test in sorted(conditions)}


def _variables(values: Iterable[str], version: str) -> list[str]:
    """&{aws:username} is how Terraform's configuration writes IAM's ${aws:username}."""
    if version != NEWEST_VERSION:
        return list(values)
    return [value.replace("&{", "${") for value in values]


def _one_or_sorted(values: Iterable[str]) -> str | list[str]:
    ordered = sorted(values, reverse=True)
    return ordered[0] if len(ordered) == 1 else ordered


def _override(statements: list[Statement], newer: Iterable[Statement]) -> list[Statement]:
    merged = list(statements)
    for statement in newer:
        sid = statement.get("Sid")
        place = next((i for i, old in enumerate(merged) if sid and old.get("Sid") == sid), None)
        if place is None:
            merged.append(statement)
        else:
            merged[place] = statement
    return merged


def _require_distinct_sids(statements: Iterable[Statement], name: str) -> None:
    seen: set[str] = set()
    for statement in statements:
        sid = statement.get("Sid")
        if sid and sid in seen:
            raise ProviderError(Problem(f"duplicate Sid ({sid})", "A Sid names one statement only.", (name,)))
        if sid:
            seen.add(sid)


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ProviderError(Problem(f"{name} holds something that is not JSON", str(error), (name,))) from error
    if not isinstance(document, dict):
        raise ProviderError(Problem(f"{name} holds JSON that is no policy", f"It is {text[:80]}", (name,)))
    return document


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
