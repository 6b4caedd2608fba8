"""An object of a model is locked, or its lock changes."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.artifacts import Kind
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for concern in stack.concerns:
        if concern.kind is Kind.LOCK:
            yield Hit(concern.change.address, concern.message)


RULE = Rule(
    id="artifact-lock",
    title="A model's object is locked or its lock changes",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "A lock in COMPLIANCE mode can be undone by nobody until it ends, the account's root user included: the "
        "version stays, and is paid for. A lock that goes lets the version be deleted for good."
    ),
    advice="Decide on locks for the bucket as a whole, with a retention that fits how long models live.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html",
    check=_check,
)
