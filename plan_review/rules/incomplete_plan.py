"""The plan does not show everything, or a check of the configuration failed."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import scrub
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    plan = stack.plan
    if not plan.complete:
        yield Hit("plan", "was limited (-target) or deferred changes: there is more to come that it does not show")
    if plan.applyable is False and plan.changing:
        yield Hit(
            "plan",
            "Terraform will not apply it (applyable: false), though it changes resources",
            Severity.NOTE,
            Verdict.NO_CHANGE,
        )
    for deferred in plan.deferred:
        yield Hit(scrub(deferred.address), scrub(f"its change is put off to a later plan ({deferred.reason})"))
    for address in stack.plan.failed_checks:
        yield Hit(scrub(address), "this check or condition of the configuration does not hold")


RULE = Rule(
    id="incomplete-plan",
    title="The plan is incomplete",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "What the plan leaves out cannot be reviewed, and a failed check is a warning that the apply does not stop for."
    ),
    advice="Plan the whole stack, without -target; look at the failed check.",
    source="https://developer.hashicorp.com/terraform/internals/json-format#plan-representation",
    check=_check,
)
