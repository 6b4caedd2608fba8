"""Sentences and numbers that the formats for people share."""

from __future__ import annotations

from collections.abc import Sequence

from plan_review.endpoint import Difference
from plan_review.findings import Severity, Verdict
from plan_review.models import ModelAction, ModelChange
from plan_review.prices import Cost, PriceTable
from plan_review.review import Review, StackReview
from plan_review.values import UNKNOWN

DECISIONS = {
    Severity.NOTE: "safe",
    Severity.APPROVAL: "needs approval",
    Severity.BLOCKED: "blocked",
}
HEADINGS = {
    Severity.BLOCKED: "Blocked",
    Severity.APPROVAL: "Needs approval",
    Severity.NOTE: "Notes",
}
GATE_HEADING = "Changes what decides over reviews"
GATE_EXPLANATION = (
    "This review was made with the policy and the acceptances of the branch that the change is merged into. The change "
    "of these files needs an approval of its own."
)
_MEANINGS = {
    Verdict.NO_CHANGE: "nothing changes",
    Verdict.MODELS_ONLY: "only models change; the endpoint is untouched",
    Verdict.OTHER: "something beside the models changes; no running endpoint is updated",
    Verdict.IN_PLACE: "a running endpoint, or its scaling, is updated in place",
    Verdict.OUTAGE: "callers lose the endpoint or a model, or something is lost for good",
}
MODEL_ORDER = {
    ModelAction.REMOVED: 0,
    ModelAction.EARLIER_REMOVED: 1,
    ModelAction.NEW_VERSION: 2,
    ModelAction.ADDED: 3,
}


def meaning(verdict: Verdict) -> str:
    return _MEANINGS[verdict]


def size(size_bytes: object) -> str:
    """A size as people read it; `unknown` when the plan does not state it."""
    if size_bytes is UNKNOWN or not isinstance(size_bytes, int):
        return "unknown"
    if size_bytes < 1024:
        return f"{size_bytes} B"
    amount, units = float(size_bytes), iter(("KiB", "MiB", "GiB"))
    unit = next(units)
    amount /= 1024
    while amount >= 1024 and unit != "GiB":
        amount, unit = amount / 1024, next(units)
    return f"{amount:.1f} {unit}"


def still_unknown(differences: Sequence[Difference]) -> str:
    """The settings without a value of which only the apply says whether they get one; empty when there are none."""
    return ", ".join(item.what for item in differences if item.only_unknown)


def destroyed(stack: StackReview) -> str:
    """How many resources are destroyed; those that Terraform only lets go are named apart."""
    forgotten = stack.counts["forgotten"]
    return str(stack.counts["destroyed"]) + (f" + {forgotten} forgotten" if forgotten else "")


def version(change: ModelChange) -> str:
    """The model's version, after the one before it; a key of another layout holds none."""
    if change.previous is not None:
        return f"{change.previous.version} -> {change.artifact.version}"
    return change.artifact.version or "(none)"


def digest(sha256: str) -> str:
    """The first digits of a hash, `unknown` when the plan does not state it."""
    return f"{sha256[:16]}…" if sha256 else "unknown"


def ordered_models(stack: StackReview) -> list[ModelChange]:
    """What goes before what comes."""
    return sorted(stack.models, key=lambda item: (MODEL_ORDER[item.action], item.artifact.name, item.artifact.version))


def model_summary(stack: StackReview) -> str:
    """How many models are added, get a new version, lose one: `2 added, 1 new version`."""
    counts = {action: sum(item.action is action for item in stack.models) for action in ModelAction}
    return ", ".join(f"{count} {action.value}" for action, count in counts.items() if count)


def money(amount: float | None, currency: str) -> str:
    return "unknown" if amount is None else f"{amount:,.0f} {currency}"


def signed_money(amount: float | None, currency: str) -> str:
    return "unknown" if amount is None else f"{amount:+,.0f} {currency}"


def price_note(prices: PriceTable, costs: tuple[Cost, ...]) -> str:
    """Where the prices of the costs' regions come from, and which region has none."""
    notes = []
    for region in sorted({cost.region or "" for cost in costs}):
        found = prices.regions.get(region)
        if found is not None:
            notes.append(f"list prices of {region} as of {found.as_of}, {found.origin}")
        else:
            notes.append(f"no prices are known of {region or 'a region that the plan does not state'}")
    return (
        f"Instances at their initial counts, {prices.hours_per_month} hours a month, {'; '.join(notes)}; "
        "see plan_review/README.md, Cost"
    )


def how_to_see_all(review: Review) -> str:
    files = " ".join(stack.source for stack in review.stacks[:8])
    return f"python -m plan_review {files}{' ...' if len(review.stacks) > 8 else ''}"
