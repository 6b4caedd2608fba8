"""The refresh found something that nobody set and that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for found in stack.drift:
        if not found.counts:
            yield Hit(found.address, found.message)


RULE = Rule(
    id="drift-without-effect",
    title="Noticed, no effect",
    severity=Severity.NOTE,
    explanation=(
        "The provider notes on a resource what other resources of the stack wrote (a bucket's policy and versioning, "
        "a role's inline policies), and what AWS fills in. The configuration does not set it and the apply does not "
        "touch it."
    ),
    advice="Nothing. The next apply takes it into the state.",
    source="https://developer.hashicorp.com/terraform/tutorials/state/resource-drift",
    check=_check,
)
