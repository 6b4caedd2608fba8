"""The refresh found something that was changed outside Terraform."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import differences
from plan_review.findings import Hit, Rule, Severity
from plan_review.plan import Action
from plan_review.stack import Stack

_SHOWN = 4


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.drift:
        if change.action is Action.DELETE:
            yield Hit(
                change.address, "was deleted outside Terraform; the apply makes it anew", severity=Severity.APPROVAL
            )
            continue
        found = [f"{item.what}: {item.before} -> {item.after}" for item in differences(change.before, change.after)]
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            yield Hit(change.address, f"was changed outside Terraform: {'; '.join(found[:_SHOWN])}{more}")


RULE = Rule(
    id="drift",
    title="Drift: changed outside Terraform",
    severity=Severity.APPROVAL,
    explanation=(
        "Somebody changed the resource by hand, or AWS did (a rollback, an alarm's action). The apply puts it back to "
        "the configuration, which may undo the repair of an incident."
    ),
    advice=(
        "Find out who changed it and why; take the change into the configuration, or let the apply undo it knowingly."
    ),
    source="https://developer.hashicorp.com/terraform/tutorials/state/resource-drift",
    check=_check,
)
