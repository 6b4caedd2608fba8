"""A bucket's versioning is suspended or its resource destroyed."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_STATUS = ("versioning_configuration", 0, "status")


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type("aws_s3_bucket_versioning"):
        before, after = change.before.at(*_STATUS), change.after.at(*_STATUS)
        bucket = shown(change.side, "bucket")
        if not change.after.exists and change.action.changes and before == "Enabled":
            yield Hit(
                change.address, f"versioning of bucket {bucket} is suspended: the resource is {change.action.value}"
            )
        elif change.after.exists and after is UNKNOWN:
            yield Hit(change.address, f"whether bucket {bucket} stays versioned is unknown until the apply")
        elif change.after.exists and change.action.changes and after != "Enabled":
            yield Hit(
                change.address,
                f"versioning of bucket {bucket}: {shown(change.before, *_STATUS)} -> {shown(change.after, *_STATUS)}",
            )


RULE = Rule(
    id="versioning-off",
    title="A bucket's versioning is switched off",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Without versions a deleted or overwritten object is gone: an artifact cannot be brought back, and a damaged "
        "Terraform state cannot be put back to the one before."
    ),
    advice="Keep versioning enabled; limit its cost with a lifecycle rule for noncurrent versions.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    check=_check,
)
