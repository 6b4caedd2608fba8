"""Che's approximation against caches whose hit ratio is known exactly."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.che import characteristic_seconds, hit_ratio
from capacity.generators import zipf_shares


def exact_lru_hit_ratio(shares: list[float], entries: int) -> float:
    """W. F. King III, Analysis of paging algorithms, 1971: all orders of the last entries that were asked for."""
    total = 0.0
    for order in itertools.permutations(range(len(shares)), entries):
        probability, rest = 1.0, 1.0
        for entry in order:
            probability *= shares[entry] / rest
            rest -= shares[entry]
        total += probability * sum(shares[entry] for entry in order)
    return total


@pytest.mark.parametrize(("exponent", "entries"), [(0.0, 3), (0.8, 2), (0.8, 4), (1.2, 5)])
def test_close_to_the_exact_ratio_even_for_a_few_models(exponent: float, entries: int) -> None:
    shares = zipf_shares(8, exponent)
    exact = exact_lru_hit_ratio(shares.tolist(), entries)
    assert hit_ratio(shares, np.ones(8, dtype=np.int64), entries) == pytest.approx(exact, abs=0.02)


def test_equal_models_hit_as_often_as_there_is_room() -> None:
    assert hit_ratio(np.full(1000, 0.1), np.full(1000, 7), 7 * 250) == pytest.approx(0.25, abs=1e-9)


def test_what_fits_stays_for_ever() -> None:
    rates, sizes = np.array([1.0, 2.0, 0.0]), np.array([5, 5, 500])
    assert characteristic_seconds(rates, sizes, 10) == math.inf
    assert hit_ratio(rates, sizes, 10) == 1.0
    assert hit_ratio(np.zeros(2), np.ones(2, dtype=np.int64), 1) == 1.0


@given(
    st.lists(st.tuples(st.floats(1e-3, 1e3), st.integers(1, 1000)), min_size=2, max_size=40),
    st.floats(0.01, 0.98),
)
def test_the_time_fills_the_cache(models: list[tuple[float, int]], share: float) -> None:
    rates, sizes = np.array([m[0] for m in models]), np.array([m[1] for m in models])
    capacity = share * sizes.sum()
    seconds = characteristic_seconds(rates, sizes, capacity)
    assert (sizes * (1 - np.exp(-rates * seconds))).sum() == pytest.approx(capacity, rel=1e-6)
    assert 0 <= hit_ratio(rates, sizes, capacity) <= 1
