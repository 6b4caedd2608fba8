"""A SageMaker model, endpoint configuration or artifact whose name does not change with its content."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import CONFIGURATION, MODEL
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.places import ARCHIVE, ARTIFACT_TYPES, digest_of
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(MODEL, CONFIGURATION):
        # A name that the provider makes up (name_prefix, or none) is unknown here and different each time.
        name = change.after.at("name")
        if change.action.changes and isinstance(name, str) and digest_of(name) is None:
            yield Hit(change.address, f"the name {shown(change.after, 'name')} holds no content hash")
    for change in stack.plan.of_type(*ARTIFACT_TYPES):
        key = change.after.at("key")
        if not change.action.changes or not change.after.exists:
            continue
        if key is UNKNOWN:
            yield Hit(change.address, "the object's key is unknown until the apply")
        elif isinstance(key, str) and digest_of(key) is None and (key.endswith(ARCHIVE) or stack.is_artifact(change)):
            yield Hit(change.address, f"the key {shown(change.after, 'key')} holds no content hash")


RULE = Rule(
    id="unhashed-name",
    title="A name without a content hash",
    severity=Severity.APPROVAL,
    verdict=Verdict.OTHER,
    explanation=(
        "Models and endpoint configurations are immutable on AWS. Under a static name the next change cannot be "
        "created before the old one is destroyed, and a configuration replaced under its old name never reaches the "
        "endpoint. An artifact under a static key is overwritten by its next version."
    ),
    advice="End the name in a hash of the content (`stacks/names.py` and the catalog's keys do).",
    source=(
        "https://github.com/hashicorp/terraform-provider-aws/issues/48993 "
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html"
    ),
    check=_check,
)
