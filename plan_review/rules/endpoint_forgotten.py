"""Terraform lets go of a running endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity
from plan_review.redaction import shown
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(ENDPOINT):
        if change.action.forgets:
            yield Hit(change.address, f"endpoint {shown(change.before, 'name')} is {change.action.value}")


RULE = Rule(
    id="endpoint-forgotten",
    title="A running endpoint is no longer managed",
    severity=Severity.BLOCKED,
    explanation=(
        "The endpoint goes on serving and costing, and nobody manages it any more: no plan shows it, no new image or "
        "model configuration reaches it, and its configuration, model and role, which Terraform still has, can be "
        "destroyed under it. An endpoint that is declared again under its name cannot be created."
    ),
    advice=(
        "Move it with a `moved` block, or import it into the stack that manages it from now on in the same pull "
        "request, and accept this finding with that reason."
    ),
    source="https://developer.hashicorp.com/terraform/language/block/removed",
    check=_check,
)
