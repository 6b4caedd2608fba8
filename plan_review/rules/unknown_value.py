"""A setting that decides over safety is unknown until the apply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.endpoint import CONFIGURATION, ENDPOINT, label
from plan_review.findings import Hit, Rule, Severity
from plan_review.stack import Stack
from plan_review.values import Path, contains_unknown, dotted

_VARIANT = ("production_variants", 0)
_DECISIVE: Mapping[str, tuple[Path, ...]] = {
    ENDPOINT: (("deployment_config",),),
    CONFIGURATION: (
        (*_VARIANT, "instance_type"),
        (*_VARIANT, "initial_instance_count"),
        ("kms_key_arn",),
    ),
    "aws_sagemaker_model": (("primary_container", 0, "image"), ("primary_container", 0, "mode"), ("vpc_config",)),
    "aws_appautoscaling_target": (("min_capacity",), ("max_capacity",)),
    "aws_s3_object": (("source_hash",),),
    "aws_s3_bucket_server_side_encryption_configuration": (
        ("rule", 0, "apply_server_side_encryption_by_default", 0, "sse_algorithm"),
    ),
}


def _check(stack: Stack) -> Iterator[Hit]:
    for type_, paths in _DECISIVE.items():
        for change in stack.plan.of_type(type_):
            if not (change.action.changes and change.after.exists):
                continue
            for path in paths:
                if contains_unknown(change.after.at(*path)):
                    yield Hit(
                        change.address, f"{label(path) if len(path) > 1 else dotted(path)} is unknown until the apply"
                    )


RULE = Rule(
    id="unknown-value",
    title="A decisive setting is unknown",
    severity=Severity.APPROVAL,
    explanation=(
        "The plan cannot say what the setting will be, because it depends on something that does not exist yet. The "
        "review can therefore not call the change safe."
    ),
    advice=(
        "Use a value that is known at plan time (this project computes every name), or apply what it depends on first."
    ),
    source="https://developer.hashicorp.com/terraform/language/expressions/references#values-not-yet-known",
    check=_check,
)
