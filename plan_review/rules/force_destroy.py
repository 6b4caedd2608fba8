"""A bucket or repository may from now on be destroyed with everything in it."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_FLAGS = {"aws_s3_bucket": "force_destroy", "aws_ecr_repository": "force_delete"}


def _check(stack: Stack) -> Iterator[Hit]:
    for type_, flag in _FLAGS.items():
        for change in stack.plan.of_type(type_):
            after = change.after.at(flag)
            if (
                change.action.changes
                and change.before.exists
                and after in (True, UNKNOWN)
                and change.before.at(flag) != after
            ):
                yield Hit(change.address, f"{flag}: {shown(change.before, flag)} -> {shown(change.after, flag)}")


RULE = Rule(
    id="force-destroy",
    title="The guard against destroying a full bucket or repository goes",
    severity=Severity.APPROVAL,
    explanation=(
        "AWS refuses to delete a bucket that is not empty. With `force_destroy` the provider empties it first, every "
        "version included, so a later plan that destroys it succeeds."
    ),
    advice="Switch it on only in the change before the one that is meant to remove the environment.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html",
    check=_check,
)
