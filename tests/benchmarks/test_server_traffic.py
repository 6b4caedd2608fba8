from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.server.traffic import ideal_lru_hits, zipf_trace


def test_the_same_seed_gives_the_same_trace_and_another_seed_another():
    trace = zipf_trace(models=50, requests=200, exponent=0.9, seed=3)
    assert trace == zipf_trace(models=50, requests=200, exponent=0.9, seed=3)
    assert trace != zipf_trace(models=50, requests=200, exponent=0.9, seed=4)
    assert len(trace) == 200
    assert set(trace) <= set(range(50))


def test_popularity_falls_as_the_exponent_says():
    trace = zipf_trace(models=100, requests=200_000, exponent=1.0, seed=1)
    counts = [count for _, count in Counter(trace).most_common()]
    # Rank 1 is asked for ten times as often as rank 10, and rank 2 twice as often as rank 4.
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.1)
    assert counts[1] / counts[3] == pytest.approx(2, rel=0.1)


def test_a_models_number_says_nothing_about_its_popularity():
    trace = zipf_trace(models=100, requests=20_000, exponent=1.0, seed=1)
    most_popular = [model for model, _ in Counter(trace).most_common(5)]
    assert most_popular != [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("trace", "capacity", "hits"),
    [
        ([], 1, []),
        ([1, 1, 2, 1], 1, [False, True, False, False]),
        ([1, 2, 1, 3, 2], 2, [False, False, True, False, False]),  # 3 drives out 2, the least recently used
        ([1, 2, 3, 1, 2, 3], 3, [False, False, False, True, True, True]),
    ],
)
def test_ideal_cache(trace, capacity, hits):
    assert ideal_lru_hits(trace, capacity) == hits


@settings(derandomize=True, max_examples=50)
@given(st.lists(st.integers(0, 8), max_size=60), st.integers(1, 9))
def test_a_request_hits_when_few_enough_other_models_came_between(trace, capacity):
    """The stack distance, computed from its definition."""
    expected = []
    for position, model in enumerate(trace):
        earlier = [p for p in range(position) if trace[p] == model]
        expected.append(bool(earlier) and len(set(trace[earlier[-1] + 1 : position])) < capacity)
    assert ideal_lru_hits(trace, capacity) == expected
