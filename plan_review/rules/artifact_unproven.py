"""A change of a model's object is not known to be harmless."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.artifacts import Kind
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for concern in stack.concerns:
        if concern.kind is Kind.OTHER:
            yield Hit(concern.change.address, concern.message)


RULE = Rule(
    id="artifact-unproven",
    title="A model's object changes in a way not known to be harmless",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "A model is added without asking anybody only when all of it is known: a new object of the AWS provider, "
        "whose key holds the hash of its content, and that sets nothing unusual. In place, only tags and metadata may "
        "change."
    ),
    advice=(
        "Add models with `python -m model_catalog`, which makes such objects; look at what this one does differently."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/add-models-to-endpoint.html",
    check=_check,
)
