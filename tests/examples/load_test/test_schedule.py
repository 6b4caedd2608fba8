"""Arrivals with known answers."""

import random
from collections import Counter
from itertools import pairwise
from statistics import mean, pstdev

import pytest

from examples.load_test.schedule import poisson, uniform, zipf


def test_poisson_arrivals_have_exponential_pauses() -> None:
    calls = list(poisson(100, 200, lambda: "m", random.Random(1)))
    pauses = [later.due - earlier.due for earlier, later in pairwise(calls)]
    assert len(calls) == pytest.approx(20_000, rel=0.03)
    assert mean(pauses) == pytest.approx(0.01, rel=0.03)
    assert pstdev(pauses) == pytest.approx(0.01, rel=0.03)  # an exponential's deviation is its mean
    assert max(call.due for call in calls) < 200


def test_uniform_arrivals_are_evenly_spaced() -> None:
    assert [call.due for call in uniform(4, 1, lambda: "m")] == [0, 0.25, 0.5, 0.75]


def test_the_same_seed_gives_the_same_calls() -> None:
    def drawn(seed: int) -> list[object]:
        random_ = random.Random(seed)
        return list(poisson(50, 2, zipf(("a", "b", "c"), 1, random_), random_))

    assert drawn(7) == drawn(7) != drawn(8)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.0, 2.0])
def test_models_are_drawn_by_zipfs_law(exponent: float) -> None:
    models = [f"m{rank}" for rank in range(1, 6)]
    draw = zipf(models, exponent, random.Random(3))
    counts = Counter(draw() for _ in range(50_000))
    total = sum(rank**-exponent for rank in range(1, 6))
    for rank, model in enumerate(models, start=1):
        assert counts[model] / 50_000 == pytest.approx(rank**-exponent / total, abs=0.01)
