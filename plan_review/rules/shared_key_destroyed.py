"""An S3 object is destroyed under a key that another address of the stack keeps or creates."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Action
from plan_review.redaction import shown
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    destroying = [change for change in stack.plan.of_type(*ARTIFACT_TYPES) if change.destroys]
    if not destroying:
        return
    kept: dict[str, str] = {}
    for change in stack.plan.of_type(*ARTIFACT_TYPES):
        key = change.after.text("key")
        if key is not None:
            kept[key] = change.address
    for change in destroying:
        key = change.before.text("key")
        holder = kept.get(key) if key is not None else None
        same = holder == change.address and change.deposed is None
        if holder is not None and not (same and change.action is not Action.DELETE):
            yield Hit(change.address, f"deletes the object {shown(change.before, 'key')}, which {holder} needs")


RULE = Rule(
    id="shared-key-destroyed",
    title="An S3 object is deleted under a key that another address keeps",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Two addresses with one key share one object. Deleting either puts a delete marker on the key, so the object "
        "is gone for the endpoint whatever the other address says, and the state does not notice until the next "
        "refresh."
    ),
    advice="Use a `moved` block for a renamed address; never let two addresses swap their keys in one plan.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html",
    check=_check,
)
