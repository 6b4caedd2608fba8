"""An endpoint looks for its models in another place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plan_review.endpoint import served_models
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Plan
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN, Path

_URL: Path = ("primary_container", 0, "model_data_url")
_S3 = re.compile(r"s3://(?P<bucket>[^/]+)/?(?P<prefix>.*)")


def _check(stack: Stack) -> Iterator[Hit]:
    for address, before, after in served_models(stack.plan):
        old, new = before.at(*_URL), after.at(*_URL)
        if not isinstance(old, str) or old == new:
            continue
        message = f"model_data_url: {shown(before, *_URL)} -> {shown(after, *_URL)}"
        if new is UNKNOWN:
            yield Hit(address, message, Severity.APPROVAL, Verdict.IN_PLACE)
        elif isinstance(new, str) and _moved_too(stack.plans, old, new):
            yield Hit(
                address, f"{message}; every model of these plans is there too", Severity.APPROVAL, Verdict.IN_PLACE
            )
        else:
            yield Hit(address, message)


def _moved_too(plans: tuple[Plan, ...], old: str, new: str) -> bool:
    """Whether the objects of the plans are, once they are applied, below the new place as they were below the old."""
    before, after = _S3.fullmatch(old), _S3.fullmatch(new)
    if before is None or after is None:
        return False
    objects = [item for plan in plans for item in plan.of_type(*ARTIFACT_TYPES)]
    sides = (([item.before for item in objects], before), ([item.after for item in objects], after))
    was, will = (
        {
            key.removeprefix(place["prefix"])
            for values in side
            if values.at("bucket") == place["bucket"]
            and (key := values.text("key")) is not None
            and key.startswith(place["prefix"])
        }
        for side, place in sides
    )
    return bool(was) and was <= will


RULE = Rule(
    id="model-data-moved",
    title="An endpoint reads its models from another place",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "A TargetModel is a key relative to `model_data_url`. Under another bucket or prefix, the names that "
        "callers use lead to no artifact unless every artifact has been copied there. The update succeeds all the "
        "same, because SageMaker does not check. The role needs read access to the new place too."
    ),
    advice=(
        "Keep the place. To move, first copy every artifact under the same relative key and let the role read both "
        "places; then accept this finding with that reason."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/create-multi-model-endpoint.html",
    check=_check,
)
