"""The apply runs an action: code that changes no resource of the plan."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import scrub
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for action in stack.plan.invocations:
        when = "is to run in a later apply" if action.deferred else "runs"
        yield Hit(scrub(action.address), scrub(f"this action {when}, set off {action.trigger}"))


RULE = Rule(
    id="action-invoked",
    title="The apply runs an action",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "An action (Terraform 1.14) calls a Lambda function, stops an instance, sends a command: its effect stands "
        "nowhere in the plan. A plan may do nothing but that."
    ),
    advice="Read the action's configuration and what it calls. Without `-invoke` and `action_trigger` none runs.",
    source="https://developer.hashicorp.com/terraform/language/invoke-actions",
    check=_check,
)
