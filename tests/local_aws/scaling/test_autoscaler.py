"""Scaling minute by minute on a clock that the test moves: the alarms of policies are evaluated, and ring."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.cloudwatch.alarm_request import watched_alarm
from local_aws.cloudwatch.samples import Sample
from local_aws.cloudwatch.statistics import Distribution
from local_aws.cloudwatch.watched_alarm import MetricQuery
from local_aws.scaling.activities import Activities
from local_aws.scaling.autoscaler import (
    AutoScaler,
    CapacityRefusedError,
    NoSuchPolicyError,
    Ring,
    ScalableTarget,
)
from local_aws.scaling.schedule import parse_schedule
from local_aws.scaling.scheduled import ScheduledAction
from local_aws.scaling.step_scaling import StepScaling
from local_aws.scaling.target_tracking import TargetTracking, alarm_requests

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RESOURCE = "endpoint/e/variant/v"


def keep(target: float = 100.0, out: float = 120, in_: float = 240, **more: Any) -> dict[str, Any]:
    """A target tracking configuration."""
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    return {
        "TargetValue": target,
        "ScaleOutCooldown": out,
        "ScaleInCooldown": in_,
        "PredefinedMetricSpecification": metric,
        **more,
    }


class Account:
    """One variant with policies, and so many invocations in each minute."""

    def __init__(self, *configurations: dict[str, Any], steps: StepScaling | None = None, **target: Any) -> None:
        policies: dict[str, TargetTracking | StepScaling] = {
            f"arn{number}": TargetTracking.read(f"p{number}", item) for number, item in enumerate(configurations)
        }
        if steps is not None:
            policies["steps"] = steps
        self.alarms = [
            (arn, request, watched_alarm(request))
            for arn, item in zip(policies, configurations, strict=False)
            for request in alarm_requests(item, arn, RESOURCE, "e", "v")
        ]
        self.states = ["INSUFFICIENT_DATA"] * len(self.alarms)
        self.target = ScalableTarget(
            **{"endpoint": "e", "variant": "v", "minimum": 1, "maximum": 8, "policies": policies, **target}
        )
        self.actions: list[ScheduledAction] = []
        self.count: int | None = 1
        self.invocations: dict[int, float] = {}
        self.refusal: str | None = None
        self.activities = Activities()
        self.scaler = AutoScaler(account=self, capacities=self, activities=self.activities, clock=lambda: NOON)

    def targets(self) -> list[ScalableTarget]:
        return [self.target]

    def scheduled_actions(self) -> list[ScheduledAction]:
        return self.actions

    def set_limits(self, resource_id: str, minimum: int, maximum: int) -> None:
        self.target = ScalableTarget("e", "v", minimum, maximum, self.target.policies)

    def capacity(self, endpoint: str, variant: str) -> int | None:
        return self.count

    def set_capacity(self, endpoint: str, variant: str, count: int) -> None:
        if self.refusal is not None:
            raise CapacityRefusedError(self.refusal)
        self.count = count

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
            self.minute(NOON + timedelta(minutes=minute + 1))
            counts.append(self.count)
        return counts

    def minute(self, now: datetime) -> None:
        self.scaler.scale(now)
        for number, (arn, request, alarm) in enumerate(self.alarms):
            verdict = alarm.evaluate(self.read, now, self.states[number])
            self.states[number] = verdict.state
            if verdict.state == "ALARM":
                self.scaler.ring(
                    arn,
                    Ring(
                        alarm=request["AlarmName"],
                        state="ALARM",
                        datapoints=[point.value for point in verdict.datapoints],
                        threshold=request["Threshold"],
                        is_high=request["ComparisonOperator"] == "GreaterThanThreshold",
                        at=now,
                    ),
                )

    def breach(self, minute: float, value: float, threshold: float = 50) -> int | None:
        """The number of instances after an alarm has invoked the step scaling policy."""
        self.scaler.ring("steps", Ring("high", "ALARM", [value], threshold, True, NOON + timedelta(minutes=minute)))
        return self.count

    def described(self) -> list[tuple[str, str, str]]:
        page = self.activities.page({"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE})
        return [(item["Description"], item["Cause"], item["StatusCode"]) for item in page["ScalingActivities"]]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 2), (5, 4)])
def test_limits_hold_at_once(before: int, after: int) -> None:
    account = Account(minimum=2, maximum=4)
    account.count = before
    account.scaler.scale(NOON)
    assert account.count == after
    assert len(account.described()) == (before != after)


def test_adds_instances_after_three_minutes_and_cools_down() -> None:
    account = Account(keep())
    # Three minutes at 250 with one instance: three. The next three have 83 each.
    assert account.run(0, 6, 250) == [1, 1, 3, 3, 3, 3]
    # 500 on three are 167 each: not before the cooldown of two minutes is over, and three minutes are above.
    assert account.run(6, 10, 500) == [3, 3, 5, 5]


def test_cooldown_holds_up_the_next_step() -> None:
    account = Account(keep(out=600))
    assert account.run(0, 5, 250) == [1, 1, 3, 3, 3]
    assert account.run(5, 13, 900) == [3, 3, 3, 3, 3, 3, 3, 8]


def test_takes_instances_away_after_a_quarter_of_an_hour() -> None:
    account = Account(keep())
    account.count = 4
    assert account.run(0, 16, 100)[13:] == [4, 1, 1]


def test_scaling_in_can_be_switched_off() -> None:
    account = Account(keep(DisableScaleIn=True))
    account.count = 4
    assert set(account.run(0, 20, 100)) == {4}


def test_without_requests_nothing_changes() -> None:
    account = Account(keep())
    account.count = 4
    assert set(account.run(0, 40, None)) == {4}


@pytest.mark.parametrize(("suspended", "load"), [("may_scale_out", 900), ("may_scale_in", 10)])
def test_suspended(suspended: str, load: float) -> None:
    account = Account(keep(), **{suspended: False})
    account.count = 4
    assert set(account.run(0, 20, load)) == {4}


def test_of_several_policies_the_one_that_wants_most_decides() -> None:
    account = Account(keep(1000, 0, 0), keep(100, 0, 0))
    assert account.run(0, 3, 450)[-1] == 5


def test_policies_take_instances_away_only_together() -> None:
    account = Account(keep(1000, 0, 0), keep(100, 0, 0))
    account.count = 4
    # 95 for each is below 1000, but not below 90.
    assert set(account.run(0, 20, 380)) == {4}
    assert account.run(20, 36, 160)[-1] == 2


def test_endpoint_in_change_is_left_alone_and_a_refused_change_is_tried_again() -> None:
    account = Account(minimum=2)
    account.count = None
    account.scaler.scale(NOON)
    assert account.count is None
    account.count, account.refusal = 1, "no room"
    account.scaler.scale(NOON)
    account.scaler.scale(NOON)
    assert account.count == 1
    account.refusal = None
    account.scaler.scale(NOON)
    assert account.count == 2
    setting, cause = "Setting desired instance count to 2.", "minimum capacity was set to 2"
    assert account.described() == [(setting, cause, "Successful"), (setting, cause, "Failed")]


def steps(**more: Any) -> StepScaling:
    configuration = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3},
            {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -2},
        ],
        "Cooldown": 300,
        **more,
    }
    return StepScaling.read("steps", configuration)


def test_step_scaling_within_the_limits_with_its_cause() -> None:
    account = Account(steps=steps(), maximum=3)
    assert account.breach(0, 90) == 3
    cause = "monitor alarm high in state ALARM triggered policy steps"
    assert account.described() == [("Setting desired instance count to 3.", cause, "Successful")]


def test_during_the_cooldown_only_a_larger_step_adds_and_what_was_added_counts() -> None:
    account = Account(steps=steps())
    assert account.breach(0, 60) == 2
    assert account.breach(1, 60) == 2
    assert account.breach(2, 90) == 4  # 1 and 3, of which one is there
    assert account.breach(6.9, 60) == 4
    assert account.breach(7, 60) == 5  # five minutes after the last activity


def test_scaling_in_waits_for_the_cooldown_and_scaling_out_does_not() -> None:
    account = Account(steps=steps())
    account.count = 8
    assert account.breach(0, 40) == 6
    assert account.breach(4, 40) == 6
    assert account.breach(4.5, 60) == 7
    assert account.breach(5, 40) == 7
    assert account.breach(9.5, 40) == 5


def test_policy_that_cannot_act_says_why() -> None:
    account = Account(steps=steps())
    with pytest.raises(NoSuchPolicyError, match="gone"):
        account.scaler.ring("gone", Ring("a", "ALARM", [], 0, True, NOON))
    account.refusal = "no room"
    with pytest.raises(CapacityRefusedError, match="no room"):
        account.breach(0, 90)
    account.refusal = None
    assert account.breach(1, 90) == 4  # nothing cools down
    account.count = None
    with pytest.raises(CapacityRefusedError, match="in change"):
        account.breach(2, 90)


def scheduled(expression: str, **limits: int) -> ScheduledAction:
    return ScheduledAction("evening", RESOURCE, parse_schedule(expression), NOON, **limits)


def test_scheduled_action_sets_limits_once_and_instances_follow() -> None:
    account = Account()
    account.actions = [scheduled("at(2026-03-01T12:30:00)", minimum=3)]
    account.scaler.scale(NOON + timedelta(minutes=29.9))
    assert (account.count, account.target.minimum) == (1, 1)
    account.scaler.scale(NOON + timedelta(minutes=30.1))
    assert (account.count, account.target.minimum, account.target.maximum) == (3, 3, 8)
    account.target = ScalableTarget("e", "v", 1, 8, {})
    account.scaler.scale(NOON + timedelta(minutes=31))
    assert account.target.minimum == 1
    assert account.described() == [
        ("Setting desired instance count to 3.", "minimum capacity was set to 3", "Successful"),
        (
            "Setting min capacity to 3 and max capacity to 8",
            "scheduled action name evening was triggered",
            "Successful",
        ),
    ]


def test_scheduled_limits_that_contradict_the_targets_are_a_failed_activity() -> None:
    account = Account(maximum=2)
    account.actions = [scheduled("rate(1 minute)", minimum=3)]
    account.scaler.scale(NOON + timedelta(minutes=1))
    assert (account.count, account.target.minimum) == (1, 1)
    assert account.described()[0][2] == "Failed"


def test_suspended_schedule() -> None:
    account = Account(has_schedule=False)
    account.actions = [scheduled("rate(1 minute)", minimum=3)]
    account.scaler.scale(NOON + timedelta(minutes=1))
    assert account.count == 1
