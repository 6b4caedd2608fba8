"""Scaling minute by minute on a clock that the test moves."""

from datetime import UTC, datetime, timedelta

import pytest

from local_aws.cloudwatch.samples import Sample
from local_aws.cloudwatch.statistics import Distribution
from local_aws.cloudwatch.watched_alarm import MetricQuery
from local_aws.scaling.autoscaler import AutoScaler, ScalableTarget
from local_aws.scaling.target_tracking import TargetTracking

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUERY = MetricQuery("AWS/SageMaker", "InvocationsPerInstance", frozenset(), "Sum")


class Account:
    """One variant with a policy of 100 invocations a minute and instance, and so many invocations in each minute."""

    def __init__(self, **target: object) -> None:
        policies = (TargetTracking("keep", 100.0, QUERY, 120, 240),)
        self.target = ScalableTarget(
            **{"endpoint": "e", "variant": "v", "minimum": 1, "maximum": 8, "policies": policies, **target}
        )
        self.count: int | None = 1
        self.invocations: dict[int, float] = {}
        self.taken = True
        self.counts: list[int | None] = []
        self.scaler = AutoScaler(
            targets=lambda: [self.target], capacities=self, read=self.read, collect=lambda: None, time_factor=1.0
        )

    def capacity(self, endpoint: str, variant: str) -> int | None:
        return self.count

    def set_capacity(self, endpoint: str, variant: str, count: int) -> bool:
        if self.taken:
            self.count = count
        return self.taken

    def read(self, query: MetricQuery, start: datetime, end: datetime) -> list[Sample]:
        minute = round((start - NOON).total_seconds() / 60)
        if minute not in self.invocations:
            return []
        distribution = Distribution()
        distribution.add(self.invocations[minute])
        return [Sample(start, distribution)]

    def run(self, first: int, last: int, invocations_a_minute: float | None) -> list[int | None]:
        """The number of instances at the end of each minute."""
        counts = []
        for minute in range(first, last):
            if invocations_a_minute is not None:
                self.invocations[minute] = invocations_a_minute / (self.count or 1)
            self.scaler.scale(NOON + timedelta(minutes=minute + 1))
            counts.append(self.count)
        return counts


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 2), (5, 4)])
def test_limits_hold_at_once(before: int, after: int) -> None:
    account = Account(minimum=2, maximum=4, policies=())
    account.count = before
    account.scaler.scale(NOON)
    assert account.count == after


def test_adds_instances_after_three_minutes_and_cools_down() -> None:
    account = Account()
    # Three minutes at 250 with one instance: three. The next three have 83 each.
    assert account.run(0, 6, 250) == [1, 1, 3, 3, 3, 3]
    # 500 on three are 167 each: not before the cooldown of two minutes is over, and three minutes are above.
    assert account.run(6, 10, 500) == [3, 3, 5, 5]


def test_cooldown_holds_up_the_next_step() -> None:
    account = Account(policies=(TargetTracking("keep", 100.0, QUERY, 600, 240),))
    assert account.run(0, 5, 250) == [1, 1, 3, 3, 3]
    assert account.run(5, 13, 900) == [3, 3, 3, 3, 3, 3, 3, 8]


def test_takes_instances_away_after_a_quarter_of_an_hour() -> None:
    account = Account()
    account.count = 4
    assert account.run(0, 16, 100)[13:] == [4, 1, 1]


def test_without_requests_nothing_changes() -> None:
    account = Account()
    account.count = 4
    assert set(account.run(0, 40, None)) == {4}


@pytest.mark.parametrize(("suspended", "load"), [("may_scale_out", 900), ("may_scale_in", 10)])
def test_suspended(suspended: str, load: float) -> None:
    account = Account(**{suspended: False})
    account.count = 4
    assert set(account.run(0, 20, load)) == {4}


def test_of_several_policies_the_one_that_wants_most_decides() -> None:
    generous = TargetTracking("generous", 1000.0, QUERY, 0, 0)
    strict = TargetTracking("strict", 100.0, QUERY, 0, 0)
    account = Account(policies=(generous, strict))
    assert account.run(0, 3, 450)[-1] == 5


def test_endpoint_in_change_is_left_alone_and_a_refused_change_is_tried_again() -> None:
    account = Account(minimum=2, policies=())
    account.count = None
    account.scaler.scale(NOON)
    assert account.count is None
    account.count, account.taken = 1, False
    account.scaler.scale(NOON)
    assert account.count == 1
    account.taken = True
    account.scaler.scale(NOON)
    assert account.count == 2
