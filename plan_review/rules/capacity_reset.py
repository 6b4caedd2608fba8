"""A new endpoint configuration sets the number of instances back to its initial count."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.redaction import shown, shown_value
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for endpoint in stack.endpoints:
        if not (endpoint.updates and endpoint.new_configuration):
            continue
        counts = [shown_value(variant.instance_count) for variant in endpoint.variants_after] or [shown_value(None)]
        scaled = [target for target in endpoint.scaling_targets if target.side.exists]
        if scaled:
            ranges = [f"{shown(t.side, 'min_capacity')} to {shown(t.side, 'max_capacity')}" for t in scaled]
            message = (
                f"under auto scaling ({', '.join(ranges)} instances) the update starts again at {', '.join(counts)}"
            )
            yield Hit(endpoint.change.address, message)
        else:
            message = f"the update runs {', '.join(counts)} instance(s), whatever was set by hand since"
            yield Hit(endpoint.change.address, message, severity=Severity.NOTE)


RULE = Rule(
    id="capacity-reset",
    title="The number of instances is reset by a new endpoint configuration",
    severity=Severity.APPROVAL,
    explanation=(
        "Terraform calls UpdateEndpoint without RetainAllVariantProperties, so the endpoint comes up with "
        "`initial_instance_count`, not with the number that auto scaling has reached. At a busy hour that is a loss "
        "of capacity until scaling catches up, with every model cold on the new instances."
    ),
    advice=(
        "Set `initial_instance_count` to what the current load needs, or deploy at a quiet hour; scaling is paused "
        "while the update runs."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html",
    check=_check,
)
