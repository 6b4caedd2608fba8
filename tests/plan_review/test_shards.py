"""Models that leave one shard for another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.models import ModelAction
from plan_review.review import Review

REMOVED = ("model-current-version-removed", "dev-models")


@pytest.mark.parametrize("there", ["models-no-change", "models-created"])
def test_a_model_that_another_shard_has_asks_for_approval_and_says_where_it_is(
    there: str, reviewed: Callable[..., Review]
) -> None:
    result = reviewed(REMOVED, (there, "dev-models-2"))
    shard = result.stacks[0]
    (finding,) = shard.findings
    assert finding.rule.id == "live-model-removed"
    assert "its current version 2 is removed here; it is in dev-models-2" in finding.message
    assert (shard.verdict, shard.decision) == (Verdict.MODELS_ONLY, Severity.APPROVAL)
    assert [change.action for change in shard.models] == [ModelAction.REMOVED]


@pytest.mark.parametrize(
    "beside",
    [
        # Another environment's shard, a stack of another kind, and a shard that loses the model as well.
        ("models-no-change", "prod-models"),
        ("models-no-change", "dev-models-copy"),
        ("model-current-version-removed", "dev-models-2"),
    ],
)
def test_a_model_that_no_other_shard_has_is_lost(beside: tuple[str, str], reviewed: Callable[..., Review]) -> None:
    shard = reviewed(REMOVED, beside).stacks[0]
    (finding,) = shard.findings
    assert finding.message == "model squeezenet: its current version 2 is removed"
    assert (shard.verdict, shard.decision) == (Verdict.OUTAGE, Severity.BLOCKED)
