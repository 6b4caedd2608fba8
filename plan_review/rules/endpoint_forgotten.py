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
        "The endpoint keeps serving and costing, but nobody manages it any more. No plan shows it, and no new image "
        "or configuration reaches it. Its configuration, model and role are still in the state and can be destroyed "
        "under it. An endpoint declared again under the same name cannot be created."
    ),
    advice=(
        "Use a `moved` block, or import the endpoint in the same pull request into the stack that is to manage it, "
        "and accept this finding with that reason."
    ),
    source="https://developer.hashicorp.com/terraform/language/block/removed",
    check=_check,
)
