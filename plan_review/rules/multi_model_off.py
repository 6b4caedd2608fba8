"""An endpoint stops being a multi-model endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import served_models
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN, Path

_MODE: Path = ("primary_container", 0, "mode")
_MULTI = "MultiModel"


def _check(stack: Stack) -> Iterator[Hit]:
    for address, before, after in served_models(stack.plan):
        if before.at(*_MODE) != _MULTI or after.at(*_MODE) == _MULTI:
            continue
        message = f"the container's mode: {shown(before, *_MODE)} -> {shown(after, *_MODE)}"
        unknown = after.at(*_MODE) is UNKNOWN
        yield Hit(address, message, Severity.APPROVAL if unknown else None, Verdict.IN_PLACE if unknown else None)


RULE = Rule(
    id="multi-model-off",
    title="A multi-model endpoint becomes a single-model endpoint",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "In `SingleModel` mode, the default, SageMaker takes `model_data_url` for one archive and refuses every "
        "call that names a TargetModel. Callers lose all models at once."
    ),
    advice='Keep `mode = "MultiModel"`. Give a single model an endpoint of its own.',
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html",
    check=_check,
)
