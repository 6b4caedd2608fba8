"""The plan holds something that this review does not know."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import scrub
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for part in stack.plan.unlisted:
        if not part.changes:
            yield Hit(scrub(part.address), scrub(part.message))


RULE = Rule(
    id="unlisted-part",
    title="A part of the plan that the review does not know",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "A plan is safe when every part of it is known to be. This one holds a section, an attribute or a kind of "
        "resource that a newer Terraform or OpenTofu writes."
    ),
    advice="Read what it is in `terraform show PLANFILE`, and use a plan_review that knows it.",
    source="https://developer.hashicorp.com/terraform/internals/json-format#plan-representation",
    check=_check,
)
