"""The instance type changes while the variant is registered with auto scaling."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.plan import Action
from plan_review.redaction import shown_value
from plan_review.stack import Stack
from plan_review.values import UNKNOWN


def _check(stack: Stack) -> Iterator[Hit]:
    for endpoint in stack.endpoints:
        if not (endpoint.updates and endpoint.new_configuration):
            continue
        registered = [
            target
            for target in endpoint.scaling_targets
            if target.before.exists and target.action not in (Action.DELETE, Action.DELETE_THEN_CREATE)
        ]
        if not registered:
            continue
        old = {variant.name: variant.instance_type for variant in endpoint.variants_before}
        for variant in endpoint.variants_after:
            type_ = variant.instance_type
            if variant.name in old and (type_ is UNKNOWN or type_ != old[variant.name]):
                yield Hit(
                    endpoint.change.address,
                    f"variant {variant.name}: {shown_value(old[variant.name])} -> {shown_value(type_)} "
                    f"while {registered[0].address} keeps it registered",
                )


RULE = Rule(
    id="instance-type-under-scaling",
    title="The instance type changes under auto scaling",
    severity=Severity.BLOCKED,
    explanation=(
        "UpdateEndpoint refuses another instance type for a variant that is registered as a scalable target: the "
        "apply fails half-way, and fails again on every retry."
    ),
    advice=(
        "Deregister, update and register in one apply: let the scaling target be replaced, destroyed first, when the "
        "instance type changes (`replace_triggered_by`)."
    ),
    source=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-delete.html "
        "https://github.com/hashicorp/terraform-provider-aws/issues/14337"
    ),
    check=_check,
)
