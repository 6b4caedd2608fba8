"""A running endpoint is replaced, destroyed or let go."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.serving import Service, service_of
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(ENDPOINT):
        if not change.destroys or change.deposed is not None:
            continue
        message = f"endpoint {shown(change.before, 'name')} is {change.action.value}{change.reason}"
        evidence = service_of(stack, change)
        if evidence.service is Service.SERVING:
            proof = f"; it serves: {evidence.why}" if evidence.why else ""
            yield Hit(change.address, f"{message}{proof}")
        else:
            known = "it never served" if evidence.service is Service.NEVER else "it may have served"
            yield Hit(change.address, f"{message}; {known}: {evidence.why}", Severity.APPROVAL, Verdict.OTHER)


RULE = Rule(
    id="endpoint-replaced",
    title="A running endpoint is replaced or destroyed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Every model behind the endpoint stops answering from the moment the endpoint is deleted until the new one is "
        "in service (minutes), and all loaded models are cold afterwards. A settings change must be an in-place "
        "update. A tainted endpoint is one whose creation failed, which never answered, unless somebody ran "
        "`terraform taint` on one that does: it asks for approval, and is blocked when a check of the stack has "
        "passed on it."
    ),
    advice=(
        "Keep the endpoint's name, and move whatever forces the replacement into a new endpoint configuration. If the "
        "endpoint really is to go, accept this finding with a reason and an end date. Of a tainted one look at "
        "DescribeEndpoint: a status of Failed means that nobody loses anything."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpoint.html",
    check=_check,
)
