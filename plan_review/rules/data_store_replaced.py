"""A bucket, repository, key or table that holds what cannot be made again is replaced or destroyed."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack

STORES = {
    "aws_s3_bucket": ("bucket", "bucket"),
    "aws_ecr_repository": ("image repository", "name"),
    "aws_dynamodb_table": ("table", "name"),
}


def _check(stack: Stack) -> Iterator[Hit]:
    for type_, (noun, attribute) in STORES.items():
        for change in stack.plan.of_type(type_):
            if change.destroys:
                kind = (
                    f"Terraform's state {noun}" if stack.name.endswith("-state") and type_ == "aws_s3_bucket" else noun
                )
                yield Hit(
                    change.address, f"{kind} {shown(change.before, attribute)} is {change.action.value}{change.reason}"
                )


RULE = Rule(
    id="data-store-replaced",
    title="A bucket, image repository or table is replaced or destroyed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "The bucket of the models, the bucket of Terraform's state and the image repository hold what no plan can "
        "bring back: artifacts of every version, the record of what exists, the image that new instances start from."
    ),
    advice=(
        "Undo what forces the replacement (usually a name or an encryption setting). To move to another bucket, "
        "create it beside the old one, copy, switch, and remove the old one in a later change."
    ),
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html",
    check=_check,
)
