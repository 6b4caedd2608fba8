"""The rollback-alarm block is added to, or removed from, an existing endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.serving import Service, service_of
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_BLOCK = ("deployment_config", 0, "auto_rollback_configuration")


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(ENDPOINT):
        if not (change.before.exists and change.after.exists):
            continue
        if service_of(stack, change).service is not Service.SERVING:
            continue  # it is replaced anyway, and the rule of replaced endpoints says what is known of it
        before, after = change.before.block(*_BLOCK), change.after.block(*_BLOCK)
        if after is UNKNOWN:
            yield Hit(change.address, "whether the endpoint keeps its rollback-alarm block is unknown until the apply")
        elif bool(before) != bool(after):
            yield Hit(
                change.address,
                f"the rollback-alarm block is {'added' if after else 'removed'}: Terraform replaces the endpoint",
            )


RULE = Rule(
    id="rollback-alarms-block",
    title="The rollback-alarm block of a running endpoint is added or removed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "`deployment_config.auto_rollback_configuration` is force_new as a block: adding it to an existing endpoint, "
        "or taking it away, destroys the endpoint and makes a new one. Other alarms inside the block are an in-place "
        "update."
    ),
    advice=(
        "Decide on rollback alarms before the endpoint is first created and keep the block. To change an existing "
        "endpoint, deploy a second endpoint, move the callers, then remove the first."
    ),
    source=(
        "https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/r/sagemaker_endpoint.html.markdown"
    ),
    check=_check,
)
