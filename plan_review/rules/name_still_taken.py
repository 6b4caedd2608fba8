"""Something is created under a name that an object which still exists has: the apply fails."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.plan import Change
from plan_review.redaction import shown
from plan_review.stack import Stack

# What AWS tells objects of a type apart by, where it is not `name`. Objects of S3 take the place of one another.
_NAMES = ("name", "bucket", "alarm_name", "dashboard_name", "function_name")
_NO_NAMES = frozenset({"aws_s3_object", "aws_s3_object_copy", "aws_s3_bucket_object"})


def _check(stack: Stack) -> Iterator[Hit]:
    taken = {name: change for change in stack.plan.changing if change.deposed and (name := _name(change, "before"))}
    for change in stack.plan.changing:
        if change.deposed is not None or change.type in _NO_NAMES:
            continue
        name = _name(change, "after") if change.action.replaces or not change.before.exists else None
        if name is None:
            continue
        if name in taken:
            yield Hit(
                change.address,
                f"{shown(change.after, name[1])} is created while the object {taken[name].deposed}, left over of a "
                "failed apply, still has that name",
            )
        elif change.action.forgets and name == _name(change, "before"):
            yield Hit(
                change.address, f"{shown(change.after, name[1])} is created while the forgotten one has that name"
            )


def _name(change: Change, side: str) -> tuple[str, str, str] | None:
    """The type, the attribute and the name that an object has on one side."""
    values = getattr(change, side)
    for attribute in _NAMES:
        name = values.text(attribute)
        if name:
            return change.type, attribute, name
    return None


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
