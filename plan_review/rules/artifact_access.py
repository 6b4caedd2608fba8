"""Access to an object of a model changes."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.artifacts import Kind
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for concern in stack.concerns:
        if concern.kind is Kind.ACCESS:
            yield Hit(concern.change.address, concern.message)


RULE = Rule(
    id="artifact-access",
    title="Access to a model's object changes",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "An access control list gives somebody beside the bucket's policy the object, or takes it from the endpoint "
        "when the bucket belongs to another account. A redirect shows that it is served as a web site. What is opened "
        "to everyone is a finding of its own."
    ),
    advice=(
        "Leave `acl`, `grant` and `website_redirect` out; access to artifacts is the bucket policy's and the roles'."
    ),
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html",
    check=_check,
)
