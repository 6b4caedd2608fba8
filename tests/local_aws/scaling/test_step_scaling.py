"""How many instances a step scaling policy wants, and which policies are refused."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.scaling.step_scaling import StepScaling, complaints


def step(adjustment: int, lower: float | None = None, upper: float | None = None) -> dict[str, Any]:
    bounds = {"MetricIntervalLowerBound": lower, "MetricIntervalUpperBound": upper}
    return {"ScalingAdjustment": adjustment, **{name: bound for name, bound in bounds.items() if bound is not None}}


def policy(*steps: dict[str, Any], kind: str = "ChangeInCapacity", **more: Any) -> StepScaling:
    configuration = {"AdjustmentType": kind, "StepAdjustments": list(steps), **more}
    assert list(complaints(configuration)) == []
    return StepScaling.read("p", configuration)


# The example of AWS's user guide: a threshold of 50.
OUT = (step(0, 0, 10), step(10, 10, 20), step(30, 20))
IN = (step(0, -10, 0), step(-10, -20, -10), step(-30, upper=-20))


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [(50, 10), (59.9, 10), (60, 11), (69, 11), (70, 13), (50.0 - 1, 10), (40, 9), (40.1, 10), (30.1, 9), (30, 7)],
)
def test_the_bound_next_to_the_threshold_belongs_to_the_interval(metric: float, wanted: int) -> None:
    assert policy(*OUT, *IN, kind="PercentChangeInCapacity").wanted([metric], 50, 10) == wanted


@pytest.mark.parametrize(
    ("percent", "capacity", "least", "wanted"),
    [
        (127, 10, 0, 22),
        (25, 4, 0, 5),
        (10, 4, 0, 5),
        (-10, 4, 0, 3),
        (-67, 10, 0, 4),
        (25, 4, 2, 6),
        (-25, 4, 2, 2),
        (25, 40, 2, 50),
        (0, 4, 2, 4),
    ],
)
def test_percentages_are_rounded_towards_zero_but_to_one_at_least(
    percent: int, capacity: int, least: int, wanted: int
) -> None:
    more = {"MinAdjustmentMagnitude": least} if least else {}
    made = policy(step(percent, lower=0), kind="PercentChangeInCapacity", **more)
    assert made.wanted([1], 0, capacity) == wanted


def test_adjustment_types() -> None:
    assert policy(step(3, lower=0), kind="ExactCapacity").wanted([1], 0, 8) == 3
    assert policy(step(3, lower=0)).wanted([1], 0, 8) == 11
    assert policy(step(-3, upper=0)).wanted([-1], 0, 2) == 0


@pytest.mark.parametrize(("aggregation", "wanted"), [("Minimum", 2), ("Average", 3), ("Maximum", 4), (None, 3)])
def test_datapoints_are_aggregated(aggregation: str | None, wanted: int) -> None:
    more = {"MetricAggregationType": aggregation} if aggregation else {}
    made = policy(step(1, 0, 10), step(2, 10, 20), step(3, 20), **more)
    assert made.wanted([55, 75, 65], 50, 1) == wanted


def test_nothing_changes_without_datapoints_or_a_step() -> None:
    made = policy(step(1, lower=0))
    assert made.wanted([], 50, 4) == 4
    assert made.wanted([49], 50, 4) == 4


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"StepAdjustments": [step(1, lower=0)]}, "AdjustmentType is required"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": []}, "At least one"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(1)]}, "both be null"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(1, 0, 10), step(2, 5)]}, "overlap"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(1, 0, 10), step(2, 15)]}, "gap"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(1, 0, 10)]}, "no upper bound"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(1, -5, 0)]}, "no lower bound"),
        ({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(1, 0), step(2, 5)]}, "At most one"),
        ({"AdjustmentType": "ExactCapacity", "StepAdjustments": [step(-1, lower=0)]}, "negative"),
        (
            {"AdjustmentType": "ExactCapacity", "StepAdjustments": [step(1, lower=0)], "MinAdjustmentMagnitude": 1},
            "PercentChangeInCapacity",
        ),
    ],
)
def test_what_aws_refuses(configuration: dict[str, Any], said: str) -> None:
    assert any(said in complaint for complaint in complaints(configuration))


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=5, unique=True).map(sorted),
    st.floats(-100, 100),
    st.integers(0, 20),
)
def test_steps_without_a_gap_cover_every_value_once(bounds: list[int], distance: float, capacity: int) -> None:
    edges: list[float | None] = [None, *sorted({*bounds, 0}), None]
    steps = [step(number, lower, upper) for number, (lower, upper) in enumerate(itertools.pairwise(edges))]
    made = policy(*steps)
    assert sum(item.holds(distance) for item in made.steps) == 1
    assert made.wanted([distance], 0, capacity) >= capacity
