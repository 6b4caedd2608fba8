"""A lifecycle rule deletes current objects: artifacts that the endpoint uses, or the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown_value
from plan_review.stack import Stack
from plan_review.values import UNKNOWN


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type("aws_s3_bucket_lifecycle_configuration"):
        if not change.action.changes:
            continue
        before, after = change.before.visible("rule"), change.after.visible("rule")
        if after is UNKNOWN:
            yield Hit(change.address, "the rules are unknown until the apply", Severity.APPROVAL, Verdict.OTHER)
        known = [_expiry(rule) for rule in before] if isinstance(before, list) else []
        for rule in after if isinstance(after, list) else ():
            expiry = _expiry(rule)
            if expiry is not None and expiry not in known:
                yield Hit(change.address, f"rule {shown_value(expiry[0])} deletes current objects after {expiry[1]}")


def _expiry(rule: Any) -> tuple[Any, str] | None:
    """The rule's id and when it deletes current objects, or None when it never does."""
    if not isinstance(rule, Mapping) or rule.get("status") == "Disabled":
        return None
    blocks = rule.get("expiration")
    for block in blocks if isinstance(blocks, list) else [blocks]:
        if block is UNKNOWN:
            return rule.get("id"), shown_value(UNKNOWN)
        if not isinstance(block, Mapping):
            continue
        days, date = block.get("days"), block.get("date")
        if (isinstance(days, int) and days > 0) or days is UNKNOWN:
            return rule.get("id"), f"{shown_value(days)} days"
        if (isinstance(date, str) and date) or date is UNKNOWN:
            return rule.get("id"), shown_value(date)
    return None


RULE = Rule(
    id="artifacts-expire",
    title="A lifecycle rule deletes current objects",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "An artifact is written once and used for years: a rule that expires current objects removes live models by "
        "age, without any plan that shows it. Rules for noncurrent versions do no such harm."
    ),
    advice="Use `noncurrent_version_expiration` and `abort_incomplete_multipart_upload` only.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html",
    check=_check,
)
