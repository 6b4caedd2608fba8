"""A running endpoint is replaced, destroyed or let go."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(ENDPOINT):
        if change.destroys and change.deposed is None:
            yield Hit(
                change.address, f"endpoint {shown(change.before, 'name')} is {change.action.value}{change.reason}"
            )


RULE = Rule(
    id="endpoint-replaced",
    title="A running endpoint is replaced or destroyed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Every model behind the endpoint stops answering from the moment the endpoint is deleted until the new one is "
        "in service (minutes), and all loaded models are cold afterwards. A settings change must be an in-place "
        "update."
    ),
    advice=(
        "Keep the endpoint's name, and move whatever forces the replacement into a new endpoint configuration. If the "
        "endpoint really is to go, accept this finding with a reason and an end date."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpoint.html",
    check=_check,
)
