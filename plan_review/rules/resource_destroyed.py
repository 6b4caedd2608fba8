"""Anything else that is destroyed: what no rule of its own looks at is still shown."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import CONFIGURATION, ENDPOINT, MODEL
from plan_review.findings import Hit, Rule, Severity
from plan_review.rules.data_store_replaced import STORES
from plan_review.rules.key_deletion import KEYS
from plan_review.stack import Stack

# Replacing these destroys nothing that exists anywhere: they only carry triggers.
_TRIGGERS = frozenset({"terraform_data", "null_resource"})
# Rules of their own say more about these.
_ELSEWHERE = frozenset({ENDPOINT, *STORES, *KEYS})
_ELSEWHERE_WHEN_REPLACED = frozenset({MODEL, CONFIGURATION})


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.changing:
        if not change.destroys or change.type in _TRIGGERS or change.type in _ELSEWHERE:
            continue
        if stack.is_artifact(change) or (change.type in _ELSEWHERE_WHEN_REPLACED and change.action.replaces):
            continue
        left = ", a left-over of an earlier apply," if change.deposed is not None else ""
        yield Hit(change.address, f"the {change.type}{left} is {change.action.value}{change.reason}")


RULE = Rule(
    id="resource-destroyed",
    title="A resource is destroyed",
    severity=Severity.APPROVAL,
    explanation=(
        "Destroying cannot be undone by a revert: what the resource held or guarded is gone for a while at least. "
        "Alarms, policies and log groups are missed only when they are needed."
    ),
    advice="Check that nothing refers to it any more. When the block only moved, use a `moved` block.",
    source="https://developer.hashicorp.com/terraform/language/resources/syntax#removing-resources",
    check=_check,
)
