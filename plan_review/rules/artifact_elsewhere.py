"""A new object of a model does not lie in the stack's own bucket below its own prefix."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.artifacts import Kind
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for concern in stack.concerns:
        if concern.kind is Kind.PLACE:
            yield Hit(concern.change.address, concern.message)


RULE = Rule(
    id="artifact-elsewhere",
    title="A model's object goes to another place",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "The endpoint loads what lies below its `model_data_url`, and the stack guards its own bucket: versioning, "
        "encryption, who may read. An object in another bucket or below another prefix is of no use to the endpoint, "
        "may overwrite what belongs to others, and may be read by them."
    ),
    advice="Use the stack's own bucket (`aws_s3_bucket` in the same stack) and the prefix of `model_data_url`.",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/create-multi-model-endpoint.html",
    check=_check,
)
