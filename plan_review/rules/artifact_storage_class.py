"""An object of a model goes to another storage class."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.artifacts import Kind
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for concern in stack.concerns:
        if concern.kind is Kind.ARCHIVED:
            yield Hit(concern.change.address, concern.message)
        elif concern.kind is Kind.STORAGE_CLASS:
            yield Hit(concern.change.address, concern.message, Severity.APPROVAL, Verdict.OTHER)


RULE = Rule(
    id="artifact-storage-class",
    title="A model's object goes to another storage class",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Objects in GLACIER and DEEP_ARCHIVE must be restored before they can be read, which takes minutes to days: "
        "InvokeEndpoint fails for the model as soon as no instance holds it in memory. The classes for infrequent "
        "access charge for every load; ONEZONE_IA is lost with its zone."
    ),
    advice="Leave `storage_class` out: the artifacts of an endpoint belong in STANDARD.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html",
    check=_check,
)
