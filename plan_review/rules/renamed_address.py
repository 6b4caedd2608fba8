"""One address is destroyed and another created for the same thing: a rename that needs a `moved` block."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.identity import identity_of
from plan_review.plan import Action, Change
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    created: dict[tuple[str, ...], Change] = {}
    for change in stack.plan.changing:
        identity = identity_of(change, "after")
        if change.action is Action.CREATE and identity is not None:
            created[identity] = change
    for change in stack.plan.changing:
        if change.action is not Action.DELETE or change.deposed is not None:
            continue
        identity = identity_of(change, "before")
        twin = created.get(identity) if identity is not None else None
        if twin is not None:
            yield Hit(change.address, f"is destroyed and {twin.address} is created for the same {change.type}")


RULE = Rule(
    id="renamed-address",
    title="A renamed address should be a moved block",
    severity=Severity.BLOCKED,
    explanation=(
        "Terraform sees a destroy and a create of the same thing, in no particular order: the create fails with "
        "«already exists», or the destroy comes last and takes away what was just made."
    ),
    advice=(
        "Add `moved { from = OLD  to = NEW }` (in CDKTF: `move_from_id`), or give the construct its old id; plan again."
    ),
    source="https://developer.hashicorp.com/terraform/language/moved",
    check=_check,
)
