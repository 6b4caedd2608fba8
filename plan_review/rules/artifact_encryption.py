"""An object of a model is encrypted otherwise than the stack's other objects."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.artifacts import Kind
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for concern in stack.concerns:
        if concern.kind is Kind.ENCRYPTION:
            yield Hit(concern.change.address, concern.message)


RULE = Rule(
    id="artifact-encryption",
    title="A model's object is encrypted in another way",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "The execution role may decrypt with the key of the stack. Under another key, or one that S3 does not keep, "
        "the endpoint cannot load the model: the call of DescribeEndpoint still says InService, and each "
        "InvokeEndpoint for the model fails."
    ),
    advice=(
        "Leave encryption to the bucket's own setting. For another key, let the execution role use it before an "
        "object needs it."
    ),
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    check=_check,
)
