"""Saved plans of real Terraform (`plans/`), and reviews of them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from plan_review.acceptance import Acceptance
from plan_review.plan import Plan
from plan_review.policy import read_policy
from plan_review.prices import bundled_prices
from plan_review.reading import read_plan
from plan_review.review import Review, Settings, review
from plan_review.rules import RULES, RULES_BY_ID

PLANS = Path(__file__).parent / "plans"
TODAY = datetime.date(2026, 1, 15)


def saved_plan(scenario: str, stack: str | None = None) -> Plan:
    """The plan of a scenario, under the name of `stack`. Its path is cut to the file's name."""
    plan = read_plan(PLANS / f"{scenario}.json")
    name = stack if stack is not None else scenario
    return replace(plan, stack=name, source=f"{name}.json")


def settings(acceptances: Sequence[Acceptance] = (), policy: Path | None = None) -> Settings:
    return Settings(
        rules=RULES,
        policy=read_policy(policy, frozenset(RULES_BY_ID)),
        acceptances=acceptances,
        prices=bundled_prices(),
        today=TODAY,
    )


@pytest.fixture
def reviewed() -> Callable[..., Review]:
    """Reviews scenarios: reviewed("model-added"), or reviewed(("model-added", "dev-models"), ...)."""

    def run(*scenarios: str | tuple[str, str], **options: object) -> Review:
        plans = [saved_plan(*item) if isinstance(item, tuple) else saved_plan(item) for item in scenarios]
        return review(plans, settings(**options))

    return run
