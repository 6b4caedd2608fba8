"""The refresh found something that was changed outside Terraform, and that has an effect."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for found in stack.drift:
        if found.counts:
            yield Hit(found.address, found.message)


RULE = Rule(
    id="drift",
    title="Drift: changed outside Terraform",
    severity=Severity.APPROVAL,
    explanation=(
        "Somebody changed the resource by hand, or AWS did (a rollback, an alarm's action): it is gone, the apply "
        "puts it back to the configuration, which may undo the repair of an incident, or it now gives access, or "
        "deletes or moves objects, in a way that no resource of the stack explains."
    ),
    advice=(
        "Find out who changed it and why; take the change into the configuration, or let the apply undo it knowingly."
    ),
    source="https://developer.hashicorp.com/terraform/tutorials/state/resource-drift",
    check=_check,
)
