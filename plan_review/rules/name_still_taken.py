"""Something is created under a name that an object which still exists has: the apply fails."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import CONFIGURATION
from plan_review.findings import Hit, Rule, Severity
from plan_review.identity import IDENTITIES, identity_of
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Action, Change
from plan_review.redaction import scrub
from plan_review.stack import Stack

# Rules of their own look at these. Objects of S3 take the place of one another.
_ELSEWHERE = frozenset({*ARTIFACT_TYPES, CONFIGURATION})


def _check(stack: Stack) -> Iterator[Hit]:
    taken = {identity_of(change, "before"): change for change in stack.plan.changing if change.deposed is not None}
    for change in stack.plan.changing:
        identity = identity_of(change, "after")
        if change.deposed is not None or change.type in ARTIFACT_TYPES or identity is None:
            continue
        if not (change.action.replaces or change.action is Action.CREATE):
            continue
        name = scrub(identity[-1])
        if identity in taken:
            left_over = f"the object {taken[identity].deposed}, left over of a failed apply,"
            yield Hit(change.address, f"{name} is created while {left_over} still has that name")
        elif identity == identity_of(change, "before") and _stays(change):
            kept = "forgotten" if change.action.forgets else "old"
            yield Hit(change.address, f"{name} is created while the {kept} one has that name{change.reason}")


def _stays(change: Change) -> bool:
    """Whether the old one is there when the new one is created, as far as the type's names are known to be unique."""
    if change.action.forgets:
        return True
    known = change.type in IDENTITIES and change.type not in _ELSEWHERE
    return known and change.action is Action.CREATE_THEN_DELETE


RULE = Rule(
    id="name-still-taken",
    title="A name is still taken",
    severity=Severity.BLOCKED,
    explanation=(
        "AWS refuses a second object under one name, and Terraform removes a left-over of a failed apply (a deposed "
        "object) in no particular order with what it creates: the apply fails with «already exists». It happens when "
        "a change that failed is reverted: model and configuration of before are still there under their names."
    ),
    advice=(
        "Raise `revision` in cdktf.json: the same settings then get names of their own. For a forgotten object choose "
        "another name."
    ),
    source="https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#create_before_destroy",
    check=_check,
)
