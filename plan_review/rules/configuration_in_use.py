"""The endpoint configuration that an endpoint uses is destroyed without the endpoint moving off it."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import CONFIGURATION, ENDPOINT
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN


def _check(stack: Stack) -> Iterator[Hit]:
    used = {
        change.after.text("endpoint_config_name"): change.address
        for change in stack.plan.of_type(ENDPOINT)
        if change.after.exists
    }
    for change in stack.plan.of_type(CONFIGURATION):
        if not change.destroys:
            continue
        name = change.before.at("name")
        after = change.after.at("name")
        if isinstance(name, str) and name in used:
            yield Hit(
                change.address, f"configuration {shown(change.before, 'name')} is destroyed while {used[name]} uses it"
            )
        elif change.deposed is not None:
            yield Hit(
                change.address,
                f"the configuration {shown(change.before, 'name')}, left behind by a failed update, is destroyed: "
                "after a rollback it may be the live one",
                severity=Severity.APPROVAL,
                verdict=Verdict.IN_PLACE,
            )
        elif after is not UNKNOWN and after == name:
            yield Hit(change.address, f"configuration {shown(change.before, 'name')} is replaced under its own name")


RULE = Rule(
    id="configuration-in-use",
    title="An endpoint configuration is destroyed while it is in use",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "An endpoint whose configuration is deleted keeps running, but cannot replace a failed instance, cannot scale "
        "and cannot be updated back; AWS says never to delete one in use."
    ),
    advice=(
        "Give the new configuration another name and let the endpoint move to it before the old one goes. After a "
        "rollback compare DescribeEndpoint's EndpointConfigName with the one to be destroyed."
    ),
    source=(
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html "
        "https://github.com/hashicorp/terraform-provider-aws/issues/46663"
    ),
    check=_check,
)
