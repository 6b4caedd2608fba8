"""Edits of saved plans: one resource updated, gone or added, and what a rule then finds."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from plan_review.findings import Severity
from tests.plan_review.conftest import document_of, review_of

Document = dict[str, Any]
Edit = Callable[[Document], None]
Kind = tuple[str, Edit, str, Severity | None]
"""A scenario, its edit, a rule, and the severity of the worst that the rule finds; None where it finds nothing."""

BLOCKED, APPROVAL = Severity.BLOCKED, Severity.APPROVAL
BUCKET = "arn:aws:s3:::review-models"
ROLE = "arn:aws:iam::123456789012:role/review-endpoint"
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET, f"{BUCKET}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
NEW, NONE = "endpoint-new-image", "endpoint-no-change"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def element(document: Document, type_: str, name: str | None = None) -> Document:
    found = [item for item in document["resource_changes"] if item["type"] == type_ and name in (None, item["name"])]
    assert len(found) == 1, (type_, name)
    change = found[0]["change"]
    assert isinstance(change, dict)
    return change


def updated(type_: str, name: str | None = None, before: Document | None = None, **after: Any) -> Edit:
    """An in-place update. `before` are attributes that both sides had before it."""

    def edit(document: Document) -> None:
        change = element(document, type_, name)
        change["actions"] = ["update"]
        change["before"] = copy.deepcopy(change["before"] or change["after"]) | copy.deepcopy(before or {})
        change["after"] = copy.deepcopy(change["before"]) | after

    return edit


def gone(type_: str, name: str | None = None, action: str = "delete") -> Edit:
    def edit(document: Document) -> None:
        change = element(document, type_, name)
        change |= {
            "actions": [action],
            "before": change["before"] or change["after"],
            "after": None,
            "after_unknown": {},
        }

    return edit


def added(type_: str, **after: Any) -> Edit:
    def edit(document: Document) -> None:
        change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}
        document["resource_changes"].append(
            {"address": f"{type_}.added", "mode": "managed", "type": type_, "name": "added", "change": change}
        )

    return edit


def both(*edits: Edit) -> Edit:
    return lambda document: [edit(document) for edit in edits] and None  # type: ignore[func-returns-value]


def bucket_policy(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Edit:
    return updated("aws_s3_bucket_policy", before={"policy": policy(*before)}, policy=policy(*after))


def images(*selections: dict[str, Any], action: str = "expire") -> Edit:
    rules = [
        {"rulePriority": number, "selection": item, "action": {"type": action}}
        for number, item in enumerate(selections, start=1)
    ]
    return updated("aws_ecr_lifecycle_policy", policy=json.dumps({"rules": rules}))


def tagged(count: int = 1, **selection: Any) -> dict[str, Any]:
    return {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": count} | selection


def assert_kind(kind: Kind) -> None:
    """The rule finds as much in the edited plan as the kind says, and the decision is not milder."""
    scenario, edit, rule, severity = kind
    document = document_of(scenario)
    edit(document)
    result = review_of(dev_x=document)
    found = [finding for finding in result.findings if finding.rule.id == rule]
    assert max((finding.severity for finding in found), default=None) is severity, [item.message for item in found]
    if severity is not None:
        assert result.decision >= severity
