"""What is made of a period's values."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.cloudwatch.statistics import Distribution, UnsupportedStatisticError, statistic

VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=60)


def distribution(*values: float) -> Distribution:
    made = Distribution()
    for value in values:
        made.add(value)
    return made


@given(VALUES, st.integers(0, 60))
def test_parts_together_are_the_whole(values: list[float], cut: int) -> None:
    parts = [distribution(*values[:cut]), distribution(*values[cut:])]
    for name, expected in {
        "SampleCount": len(values),
        "Sum": sum(values),
        "Minimum": min(values),
        "Maximum": max(values),
    }.items():
        assert statistic(name, parts) == expected
    assert statistic("Average", parts) == pytest.approx(statistics.fmean(values))


@given(VALUES, st.integers(0, 60), st.floats(0, 100).map(lambda percent: round(percent, 1)))
def test_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], cut: int, percent: float
) -> None:
    parts = [distribution(*values[:cut]), distribution(*values[cut:])]
    rank = max(math.ceil(round(percent * len(values), 6) / 100), 1)
    assert statistic(f"p{percent}", parts) == sorted(values)[rank - 1]


@pytest.mark.parametrize(("name", "expected"), [("p0", 1), ("p50", 5), ("p90", 9), ("p99", 10), ("p100", 10)])
def test_percentiles_of_ten(name: str, expected: float) -> None:
    assert statistic(name, [distribution(*range(1, 11))]) == expected


def test_nothing_has_no_statistic() -> None:
    assert statistic("Sum", []) is None
    assert statistic("p99", [Distribution()]) is None


def test_percentile_of_a_statistic_set_is_known_only_where_its_values_are_the_same() -> None:
    assert statistic("p99", [Distribution(10, 55, 1, 10)]) is None
    assert statistic("p99", [Distribution(10, 50, 5, 5)]) == 5
    assert statistic("Maximum", [Distribution(10, 55, 1, 10)]) == 10


@pytest.mark.parametrize("name", ["p101", "tm99", "IQM", "average", "p"])
def test_other_statistics_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedStatisticError, match=f"evaluates no statistic {name}"):
        statistic(name, [distribution(1)])
