"""The formulas against each other and against values that can be worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity import queueing


def test_one_worker_is_the_textbook_formula() -> None:
    # M/M/1 at 80 %: the mean wait is rho / (1 - rho) service times, and the probability of waiting is rho.
    assert queueing.erlang_c(1, 0.8) == pytest.approx(0.8)
    assert queueing.mmk_mean_wait(8.0, 0.1, 1) == pytest.approx(0.4)


def test_two_workers_by_hand() -> None:
    # M/M/2 with a load of 1: C = (1/2 * 2) / (1 + 1 + 1/2 * 2) = 1/3.
    assert queueing.erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert queueing.mmk_mean_wait(1.0, 1.0, 2) == pytest.approx(1 / 3)


def test_quantiles_are_those_of_the_exponential_tail() -> None:
    # P(W > t) = C exp(-(k / s - rate) t)
    wait = queueing.mmk_wait_quantile(8.0, 0.1, 1, 0.99)
    assert 0.8 * math.exp(-(10 - 8) * wait) == pytest.approx(0.01)
    assert queueing.mmk_wait_quantile(1.0, 0.1, 1, 0.5) == 0.0


@pytest.mark.parametrize("workers", [1, 3])
def test_an_overloaded_queue_waits_for_ever(workers: int) -> None:
    rate = 10.0 * workers
    assert queueing.erlang_c(workers, rate * 0.1) == 1.0
    assert queueing.mmk_mean_wait(rate, 0.1, workers) == math.inf
    assert queueing.mmk_wait_quantile(rate, 0.1, workers, 0.5) == math.inf
    assert queueing.kingman_bound(10.0, 0.1, 1.0, 1.0) == math.inf


@given(st.integers(1, 64), st.floats(0.01, 0.99))
def test_erlang_c_is_a_probability_that_grows_with_the_load(workers: int, utilisation: float) -> None:
    load = workers * utilisation
    assert 0 <= queueing.erlang_c(workers, load * 0.9) <= queueing.erlang_c(workers, load) <= 1


@given(st.floats(0.05, 0.95), st.floats(0, 4))
def test_with_poisson_arrivals_and_one_worker_all_say_the_same(utilisation: float, variation: float) -> None:
    rate, service = utilisation / 0.1, 0.1
    exact = queueing.lee_longton_mean_wait(rate, service, variation, 1)
    assert queueing.allen_cunneen_mean_wait(rate, service, 1.0, variation, 1) == pytest.approx(exact)
    assert queueing.kingman_bound(rate, service, 1 / rate**2, variation * service**2) >= exact * (1 - 1e-9)
