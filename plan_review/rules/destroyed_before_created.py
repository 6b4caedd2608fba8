"""A replacement that destroys first, for something the endpoint uses: create_before_destroy is missing."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import CONFIGURATION, MODEL
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Action
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(CONFIGURATION, MODEL, *ARTIFACT_TYPES):
        if change.action is Action.DELETE_THEN_CREATE:
            yield Hit(change.address, f"is destroyed before its successor exists{change.reason}")


RULE = Rule(
    id="destroyed-before-created",
    title="Missing lifecycle: destroyed before its successor exists",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "While Terraform has destroyed the old one and not yet made the new one, the endpoint points at a "
        "configuration or model that is gone (it cannot replace an instance), or the artifact cannot be loaded. If "
        "the creation fails it stays so."
    ),
    advice="Set `lifecycle { create_before_destroy = true }` and a name that changes with the content; plan again.",
    source="https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#create_before_destroy",
    check=_check,
)
