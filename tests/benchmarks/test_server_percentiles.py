import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.server.percentiles import histogram, median, percentile, summarise

SAMPLES = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50)


@settings(derandomize=True, max_examples=100)
@given(SAMPLES, st.floats(0, 100))
def test_percentile_is_numpys(samples, percent):
    assert percentile(samples, percent) == pytest.approx(float(np.percentile(samples, percent)), rel=1e-9, abs=1e-9)


def test_percentile_does_not_need_order():
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([3, 1, 2], 0) == 1
    assert percentile([3, 1, 2], 100) == 3
    assert median([4, 1, 2, 3]) == 2.5


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1], -1), ([1], 100.5)])
def test_percentile_refuses(samples, percent):
    with pytest.raises(ValueError):
        percentile(samples, percent)


def test_summary_is_in_milliseconds():
    summary = summarise([0.001, 0.002, 0.009])
    assert summary == {
        "count": 3,
        "mean_ms": 4.0,
        "p50_ms": 2.0,
        "p90_ms": 7.6,
        "p99_ms": 8.86,
        "max_ms": 9.0,
    }
    with pytest.raises(ValueError, match="no samples"):
        summarise([])


def test_histogram_counts_every_sample_in_order_of_its_bucket():
    assert histogram([0.0105, 0.0021, 0.0029, 0.0104]) == {"2": 2, "10": 2}
    assert histogram([0.0003, 0.0004, 0.0001], width_milliseconds=0.25) == {"0": 1, "0.25": 2}
