"""A resource's policy lets somebody in whom it did not let in before."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.audience import is_public
from plan_review.findings import Hit, Rule, Severity
from plan_review.grants import RESOURCE_POLICIES, newly_granted
from plan_review.policy_documents import allow_statements
from plan_review.redaction import scrub
from plan_review.stack import Stack

_SHOWN = 6


def _check(stack: Stack) -> Iterator[Hit]:
    for type_, attribute in RESOURCE_POLICIES.items():
        for change in stack.plan.of_type(type_):
            if not (change.action.changes and change.after.exists):
                continue
            before = allow_statements(change.before.visible(attribute))
            after = allow_statements(change.after.visible(attribute))
            some = [item for item in after or () if not is_public(item)]  # the rule of public access looks at these
            found = sorted({(who, what) for who, what, _, _ in newly_granted(before, some)})
            if found:
                listed = [f"{who} may {what}" for who, what in found[:_SHOWN]]
                more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                yield Hit(change.address, scrub(f"{', '.join(listed)}{more}"))


RULE = Rule(
    id="resource-shared",
    title="A resource's policy lets somebody new in",
    severity=Severity.APPROVAL,
    explanation=(
        "The policy of a bucket, key or repository takes effect by itself: it gives another account access that "
        "this account's roles and boundaries do not limit."
    ),
    advice="Check that the account, role or service is meant, and that it needs these actions and resources.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html",
    check=_check,
)
