"""A KMS key is scheduled for deletion or disabled."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

KEYS = ("aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key")


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(*KEYS):
        enabled = change.after.at("is_enabled")
        if change.destroys:
            days = shown(change.before, "deletion_window_in_days")
            yield Hit(change.address, f"the key is scheduled for deletion (window in days: {days})")
        elif change.before.at("is_enabled") is True and enabled is not True and change.action.changes:
            yield Hit(change.address, f"the key is {'perhaps ' if enabled is UNKNOWN else ''}disabled")


RULE = Rule(
    id="key-deletion",
    title="A KMS key is scheduled for deletion or disabled",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Everything encrypted under the key becomes unreadable, for ever once the window is over: artifacts, "
        "Terraform's state, the volumes of instances that start later."
    ),
    advice=(
        "Keep the key until nothing is encrypted under it: re-encrypt first, watch CloudTrail for its use, and then "
        "remove it in a change of its own."
    ),
    source="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
    check=_check,
)
