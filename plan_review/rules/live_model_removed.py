"""A model's current version goes away and no newer one comes."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.models import ModelAction
from plan_review.plan import Action
from plan_review.redaction import shown
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for model in stack.models:
        if model.action is ModelAction.REMOVED:
            artifact = model.artifact
            version = f" version {artifact.version}" if artifact.version else " object"
            message = f"model {artifact.name}: its current{version} is removed"
            other = stack.holders.get((artifact.key, artifact.sha256))
            if other is None:
                yield Hit(artifact.address, message)
            else:
                moved = f"{message} here; it is in {other}, where callers must invoke it before"
                yield Hit(artifact.address, moved, Severity.APPROVAL, Verdict.MODELS_ONLY)
    yield from _replaced_in_no_order(stack)
    for change in stack.artifacts:
        moves = change.before.exists and change.after.exists and change.before.at("bucket") != change.after.at("bucket")
        if moves:
            message = f"moves from bucket {shown(change.before, 'bucket')} to {shown(change.after, 'bucket')}"
            yield Hit(change.address, message)


def _replaced_in_no_order(stack: Stack) -> Iterator[Hit]:
    """Versions that were current, and go in the apply that brings a newer one under another address."""
    current = {model.previous.key: model.artifact for model in stack.models if model.previous is not None}
    deleted = {change.address for change in stack.artifacts if change.action is Action.DELETE}
    for model in stack.models:
        artifact, newer = model.artifact, current.get(model.artifact.key)
        if model.action is ModelAction.EARLIER_REMOVED and newer is not None and artifact.address in deleted:
            message = (
                f"model {artifact.name}: its current version {artifact.version} goes in the apply that brings version "
                f"{newer.version}, in no particular order"
            )
            yield Hit(artifact.address, message, Severity.APPROVAL, Verdict.MODELS_ONLY)


RULE = Rule(
    id="live-model-removed",
    title="A live model is removed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "The artifact in use is deleted: InvokeEndpoint fails for this TargetModel as soon as no instance holds the "
        "model in memory, which may be minutes or days later, so no alarm points back to this change. An earlier "
        "version that expires behind a newer one is not reported. A model that another shard has as well, by a plan "
        "of the same review, asks for approval only. So does a current version that goes in the apply that brings its "
        "successor, as when several versions were added since the last deployment: if the upload fails, neither is "
        "there."
    ),
    advice=(
        "Check that no caller names this TargetModel any more, then accept this finding for this address with a "
        "reason and an end date. To go back to an earlier version add it as a new one. Deploy versions one by one, "
        "or raise `catalog.earlier_versions` before they are added."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/add-models-to-endpoint.html",
    check=_check,
)
