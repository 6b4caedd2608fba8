"""How many instances a target tracking policy wants for a metric's last minutes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.cloudwatch.watched_alarm import MetricQuery
from local_aws.scaling.target_tracking import TargetTracking

QUERY = MetricQuery("AWS/SageMaker", "InvocationsPerInstance", frozenset(), "Sum")


def policy(**members: object) -> TargetTracking:
    return TargetTracking(**{"name": "p", "target_value": 100.0, "query": QUERY, **members})


@pytest.mark.parametrize(
    ("newest_first", "capacity", "wanted"),
    [
        ([250.0, 150.0, 120.0], 2, 5),
        ([101.0, 101.0, 101.0], 4, 5),
        ([250.0, 150.0, 100.0], 2, 2),  # not above it for three minutes
        ([250.0, None, 150.0], 2, 2),
        ([250.0, 150.0], 2, 2),
        ([40.0] * 15, 4, 2),
        ([40.0] * 14 + [80.0], 4, 4),
        ([40.0] * 14 + [95.0], 4, 4),
        ([40.0] * 14 + [None], 4, 4),
        ([0.0] * 15, 4, 0),  # the target's minimum is above it
        ([None] * 15, 4, 4),
        ([95.0] * 15, 4, 4),
    ],
)
def test_wanted(newest_first: list[float | None], capacity: int, wanted: int) -> None:
    assert policy().wanted(newest_first, capacity) == wanted


def test_scaling_in_can_be_switched_off() -> None:
    assert policy(scales_in=False).wanted([1.0] * 15, 4) == 4


@given(st.lists(st.one_of(st.none(), st.floats(0, 1000)), max_size=15), st.integers(1, 20))
def test_a_policy_never_scales_out_below_its_target_nor_in_above_it(
    newest_first: list[float | None], capacity: int
) -> None:
    wanted = policy().wanted(newest_first, capacity)
    known = [value for value in newest_first if value is not None]
    if not known or min(known) <= 100:
        assert wanted <= capacity or min(known[:3]) > 100
    if known and max(known) >= 90:
        assert wanted >= capacity
