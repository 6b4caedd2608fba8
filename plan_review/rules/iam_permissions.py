"""A role or policy is allowed something that it was not allowed before."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.grants import ATTACHMENTS, newly_granted, policy_sides
from plan_review.redaction import scrub, shown
from plan_review.stack import Stack

_SHOWN = 8


def _check(stack: Stack) -> Iterator[Hit]:
    for change, what, before, after in policy_sides(stack.plan):
        if after is None:
            yield Hit(change.address, f"the {what} cannot be read: unknown until the apply, sensitive or malformed")
            continue
        if not change.before.exists:
            continue  # what a new role may do is in the diff as a whole; the wildcard rule looks at it
        actions = sorted({(action, resource) for _, action, resource, _ in newly_granted(before, after)})
        if actions:
            listed = [f"{action} on {resource}" if resource else action for action, resource in actions[:_SHOWN]]
            more = f" and {len(actions) - _SHOWN} more" if len(actions) > _SHOWN else ""
            yield Hit(change.address, scrub(f"the {what} newly allows {', '.join(listed)}{more}"))
    for type_, attribute in ATTACHMENTS.items():
        for change in stack.plan.of_type(type_):
            if change.action.changes and change.after.exists:
                yield Hit(change.address, f"attaches {shown(change.after, attribute)} to {shown(change.after, 'role')}")


RULE = Rule(
    id="iam-permissions",
    title="A role is allowed more than before",
    severity=Severity.APPROVAL,
    explanation=(
        "The execution role's permissions are what code inside an artifact can do. Least privilege is: read the "
        "artifacts' prefix, pull the image, write logs and metrics, use the key. A condition that goes away widens a "
        "grant too."
    ),
    advice=(
        "Check that each new action is needed, and keep its resource and conditions as narrow as the ones around it."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html",
    check=_check,
)
