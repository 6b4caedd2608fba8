"""The verdict that a stack's changes have of themselves; findings may raise it, never lower it."""

from __future__ import annotations

from plan_review.endpoint import ENDPOINT, ENDPOINT_TYPES
from plan_review.findings import Verdict
from plan_review.models import is_artifact
from plan_review.plan import Action, Change, Plan


def _creates_endpoint(change: Change) -> bool:
    return change.type == ENDPOINT and change.action is Action.CREATE


def verdict_of_changes(plan: Plan) -> Verdict:
    """What the plan's changes amount to, by resource type alone.

    An output that changes beside models is their list, so it does not weigh.
    Losses are not decided here: each is a rule with its own explanation. But nothing that destroys is ever less than
    `other changes`, except a model's artifact, which the model rules judge.
    """
    verdict = Verdict.NO_CHANGE
    running = any(change.before.exists for change in plan.of_type(ENDPOINT))
    for change in plan.changing:
        if is_artifact(change):
            step = Verdict.MODELS_ONLY
        elif change.type in ENDPOINT_TYPES and running and not _creates_endpoint(change):
            step = Verdict.IN_PLACE
        else:
            step = Verdict.OTHER
        verdict = max(verdict, step)
    for change in plan.changes:
        if change.previous_address is not None or change.importing:
            verdict = max(verdict, Verdict.OTHER)
    only_outputs = verdict is Verdict.NO_CHANGE and bool(plan.changed_outputs)
    return max(verdict, Verdict.OTHER) if only_outputs or not plan.complete else verdict
