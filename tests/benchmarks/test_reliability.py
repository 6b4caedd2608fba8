"""The short forms of the experiments with deployments that fail, each on a real project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reliability.concurrent_deployments import race_deployments
from benchmarks.reliability.ground import Ground, prepared
from benchmarks.reliability.killed_deployments import kill_deployments, result
from benchmarks.reliability.lost_connections import MOMENTS, lose_connections
from benchmarks.reliability.page import failures, page
from benchmarks.reliability.planted_secrets import MUST_HOLD, OF_THE_SERVER, document, plant_secrets

FIGURES = Path(__file__).parents[2] / "benchmarks" / "reliability.json"


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with prepared(tmp_path) as made:
        yield made


def test_killed_deployments_converge(ground: Ground) -> None:
    lines: list[str] = []
    outcomes = list(kill_deployments(ground, 2, seed=5, report=lines.append))
    found = result(outcomes, seed=5)
    assert (found["converged"], found["killed"]) == (2, 2), "\n".join(lines)
    assert {outcome.kind for outcome in outcomes} >= {"create"}


def test_deployments_that_lose_their_connections_converge(ground: Ground) -> None:
    kinds = ("plan: the resources", "apply: an endpoint configuration", "upload", "state write: nothing")
    moments = tuple(moment for moment in MOMENTS if moment.name.startswith(kinds))
    assert len(moments) == len(kinds)
    for loss in lose_connections(ground, print, moments):
        assert (loss.complaint, loss.explained, loss.intact) == (None, True, True), loss


def test_one_of_three_deployments_at_once_goes_on(ground: Ground) -> None:
    (race,) = race_deployments(ground, (3,), print)
    assert (race.applied, race.locked + race.stale, race.complaint) == (1, 2, None)


def test_planted_secrets_stay_where_they_must_be(ground: Ground) -> None:
    found = plant_secrets(ground, print)
    assert (found.failed, found.misplaced, found.open_files) == ([], [], [])
    # The search does find what is there.
    assert all(found.found[place, OF_THE_SERVER] for place in MUST_HOLD)
    assert document(found)["misplaced"] == []


def test_the_page_is_that_of_the_figures() -> None:
    content = json.loads(FIGURES.read_text())
    assert FIGURES.with_suffix(".md").read_text() == page(content)
    assert failures(content) == []
