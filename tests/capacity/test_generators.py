"""Made-up traces have the rate, the shares, the day and the new models that were asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.errors import CapacityError
from capacity.generators import DAY_SECONDS, WEEK_SECONDS, Workload, generate, zipf_shares


def test_models_are_called_by_zipfs_law() -> None:
    trace = generate(Workload(models=50, rate=200, seconds=1000, exponent=1.0, seed=3))
    shares = trace.counts() / len(trace)
    np.testing.assert_allclose(shares, zipf_shares(50, 1.0), atol=0.005)
    assert trace.rate == pytest.approx(200, rel=0.02)


def test_gaps_are_those_of_a_poisson_process() -> None:
    gaps = np.diff(generate(Workload(models=5, rate=100, seconds=1000)).seconds)
    assert gaps.std() / gaps.mean() == pytest.approx(1, abs=0.02)


def test_the_rate_follows_the_day() -> None:
    trace = generate(Workload(models=5, rate=1, seconds=2 * DAY_SECONDS, day_swing=0.8))
    hours = np.histogram(trace.seconds, bins=48, range=(0, 2 * DAY_SECONDS))[0] / 3600
    middle = (np.arange(48) + 0.5) * 3600
    np.testing.assert_allclose(hours, 1 - 0.8 * np.cos(2 * np.pi * middle / DAY_SECONDS), atol=0.12)


def test_new_models_come_in_the_course_of_the_trace() -> None:
    trace = generate(Workload(models=20, rate=0.1, seconds=WEEK_SECONDS, new_models_per_week=10, exponent=0.3))
    assert len(trace.names) == 30
    first = np.full(30, np.inf)
    np.minimum.at(first, trace.models, trace.seconds)
    # The tenth comes after ten elevenths of the time.
    assert (first > 0.05 * WEEK_SECONDS).sum() == 10
    assert first.max() > 0.9 * WEEK_SECONDS


@pytest.mark.parametrize("variation", [0.0, 0.5, 1.0])
def test_service_times_vary_as_asked(variation: float) -> None:
    work = Workload(models=2, rate=100, seconds=500, service_seconds=0.02, service_variation=variation)
    seconds = generate(work).service_seconds
    assert seconds is not None
    assert seconds.mean() == pytest.approx(0.02, rel=0.03)
    assert seconds.std() / seconds.mean() == pytest.approx(variation, abs=0.03)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.floats(0, 2), st.floats(0, 1), st.floats(0, 50), st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_trace(models: int, exponent: float, swing: float, new: float, seed: int) -> None:
    work = Workload(models, 0.01, DAY_SECONDS, exponent, swing, new, seed=seed)
    one, other = generate(work), generate(work)
    np.testing.assert_array_equal(one.seconds, other.seconds)
    np.testing.assert_array_equal(one.models, other.models)
    assert (np.diff(one.seconds) >= 0).all()
    assert one.models.max() < len(one.names)


def test_names_are_used_before_made_up_ones() -> None:
    assert generate(Workload(3, 10, 10), ("a", "b")).names == ("a", "b", "model-00003")


def test_all_faults_at_once() -> None:
    with pytest.raises(CapacityError) as caught:
        generate(Workload(0, -1, 0, exponent=9, day_swing=2, new_models_per_week=-1, service_variation=-1))
    assert len(caught.value.complaints) == 7
    with pytest.raises(CapacityError, match="more than 20,000,000"):
        generate(Workload(1, 1e6, 1e6))
