"""A resource changes in a way that cannot be judged: by actions that this review does not know, or against its word."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import scrub
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for part in stack.plan.unlisted:
        if part.changes:
            yield Hit(scrub(part.address), scrub(part.message))


RULE = Rule(
    id="unknown-action",
    title="A resource changes in a way that the review does not know",
    severity=Severity.BLOCKED,
    verdict=Verdict.OTHER,
    explanation=(
        "What harm the actions do that a newer Terraform or OpenTofu plans cannot be told: they may destroy. The same "
        "holds for a resource that the plan calls unchanged and whose values differ."
    ),
    advice="Read what happens in `terraform show PLANFILE`, and use a plan_review that knows the actions.",
    source="https://developer.hashicorp.com/terraform/internals/json-format#change-representation",
    check=_check,
)
