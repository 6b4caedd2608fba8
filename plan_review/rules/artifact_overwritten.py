"""An artifact's bytes change, or go, under the key that the endpoint already knows."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.models import content_hash
from plan_review.places import ARCHIVE, ARTIFACT_TYPES
from plan_review.plan import Change
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_CONTENT = ("source_hash", "etag", "content", "content_base64", "checksum_sha256", "source")


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(*ARTIFACT_TYPES):
        if not (change.before.exists and change.after.exists and change.action.changes):
            continue
        if not _is_model(stack, change):
            continue
        if change.action.replaces and change.before.at("bucket") != change.after.at("bucket"):
            continue  # another object: the rule of live models looks at it
        key = change.after.at("key")
        if key is not UNKNOWN and key != change.before.at("key"):
            continue
        if change.action.destroys and key is not UNKNOWN:
            yield Hit(change.address, f"{shown(change.before, 'key')} is replaced under the same key{change.reason}")
        elif key is UNKNOWN or _changed(change):
            what = "may be overwritten" if key is UNKNOWN or _only_unknown(change) else "is overwritten"
            yield Hit(change.address, f"{shown(change.before, 'key')} {what} in place")


def _is_model(stack: Stack, change: Change) -> bool:
    """Whether the object is a model, or an archive of which no plan says what it is."""
    key = change.before.text("key")
    return stack.is_artifact(change) or key is None or key.endswith(ARCHIVE)


def _changed(change: Change) -> bool:
    before, after = change.before, change.after
    known, coming = content_hash(before), content_hash(after)
    if known is not None and coming is not None:
        return known != coming
    return any(before.at(name) != after.at(name) for name in _CONTENT)


def _only_unknown(change: Change) -> bool:
    differing = [name for name in _CONTENT if change.before.at(name) != change.after.at(name)]
    return all(change.after.at(name) is UNKNOWN for name in differing)


RULE = Rule(
    id="artifact-overwritten",
    title="An artifact is overwritten in place",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "SageMaker never looks for newer bytes under a key that it has loaded: some instances keep answering with the "
        "old model, others load the new one, for as long as they run. AWS's guide says not to overwrite artifacts in "
        "use. A replacement under the same key (another `source` of a copy forces one) is worse: the object is "
        "deleted after the new one is written, or before."
    ),
    advice=(
        "Add the new bytes as a new version (`python -m model_catalog` does), which gives them a key of their own, "
        "and let callers move to the new TargetModel. The source of a version that is there stays as it was added."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/add-models-to-endpoint.html",
    check=_check,
)
