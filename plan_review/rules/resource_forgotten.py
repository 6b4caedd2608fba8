"""Terraform lets go of a resource that goes on existing."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.changing:
        if change.action.forgets and change.type != ENDPOINT:  # an endpoint is a rule of its own
            yield Hit(change.address, f"the {change.type} is {change.action.value}")


RULE = Rule(
    id="resource-forgotten",
    title="A resource is no longer managed",
    severity=Severity.APPROVAL,
    explanation=(
        "It keeps running and costing, but no plan shows it, no drift check sees it and no destroy removes it."
    ),
    advice="Say in the pull request who looks after it from now on.",
    source="https://developer.hashicorp.com/terraform/language/resources/syntax#removing-resources",
    check=_check,
)
