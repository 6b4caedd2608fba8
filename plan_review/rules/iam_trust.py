"""Somebody new may assume a role."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.grants import newly_granted
from plan_review.policy_documents import allow_statements
from plan_review.redaction import scrub
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type("aws_iam_role"):
        if not (change.action.changes and change.after.exists):
            continue
        before = allow_statements(change.before.visible("assume_role_policy"))
        after = allow_statements(change.after.visible("assume_role_policy"))
        if after is None:
            yield Hit(
                change.address,
                "who may assume the role cannot be read: unknown until the apply, sensitive or malformed",
            )
            continue
        for principal, condition in sorted({(grant[0], grant[3]) for grant in newly_granted(before, after)}):
            where = f" if {condition}" if condition else " without any condition"
            if principal == "*" or principal.endswith(":*") or principal.startswith("not "):
                yield Hit(change.address, scrub(f"everyone may assume the role: {principal}{where}"))
            elif change.before.exists:
                yield Hit(change.address, scrub(f"may now be assumed by {principal}{where}"), Severity.APPROVAL)


RULE = Rule(
    id="iam-trust",
    title="Somebody new may assume a role",
    severity=Severity.BLOCKED,
    explanation=(
        "A principal that may assume the execution role reads every artifact. The trust of `sagemaker.amazonaws.com` "
        "carries a condition on `aws:SourceAccount`, so that no other account's endpoint can borrow the role."
    ),
    advice="Trust one service or role by name, with its condition.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
    check=_check,
)
