"""DeploymentConfig: what is refused, and the steps that a valid one makes."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.sagemaker.deployment_config import DeploymentPlan, read_deployment_config
from local_aws.sagemaker.errors import ValidationError


def blue_green(kind: str = "ALL_AT_ONCE", wait: int = 0, **members: Any) -> dict[str, Any]:
    policy = {name: members.pop(name) for name in list(members) if name.startswith(("Termination", "Maximum"))}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **members}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **policy}}


def rolling(value: int, kind: str = "CAPACITY_PERCENT", **members: Any) -> dict[str, Any]:
    return {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": kind, "Value": value},
            "WaitIntervalInSeconds": 0,
            **members,
        }
    }


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def count(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def with_alarms(config: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**config, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def read(
    config: dict[str, Any] | None, instances: int = 10, previous: set[str] | None = None, **counts: int
) -> DeploymentPlan:
    return read_deployment_config(
        config,
        instance_counts=counts or {"AllTraffic": instances},
        previous_variants=previous,
        alarm_states=lambda names: {name: "OK" for name in names if name.startswith("known")},
    )


@pytest.mark.parametrize(
    ("config", "instances", "complaint"),
    [
        (blue_green("CANARY", CanarySize=percent(51)), 10, "CanarySize must be at most 50%"),
        (blue_green("CANARY", CanarySize=count(6)), 10, "CanarySize must be at most 50%"),
        (blue_green("CANARY", CanarySize=count(1)), 1, "CanarySize must be at most 50%"),
        (blue_green("CANARY"), 10, "CanarySize is required where TrafficRoutingConfiguration.Type is CANARY"),
        (blue_green(CanarySize=percent(10)), 10, "CanarySize must not be given"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), 10, "LinearStepSize must be 10% to 50%"),
        (blue_green("LINEAR", LinearStepSize=percent(51)), 10, "LinearStepSize must be 10% to 50%"),
        (blue_green("LINEAR", LinearStepSize=count(1)), 11, "LinearStepSize must be 10% to 50%"),
        (blue_green("LINEAR", LinearStepSize=percent(10), CanarySize=percent(10)), 10, "CanarySize must not be given"),
        (rolling(4), 10, "MaximumBatchSize must be 5% to 50%"),
        (rolling(51), 10, "MaximumBatchSize must be 5% to 50%"),
        (rolling(6, "INSTANCE_COUNT"), 10, "MaximumBatchSize must be 5% to 50%"),
        (with_alarms(blue_green(), "known", "other"), 1, "These CloudWatch alarms do not exist: other."),
        ({"AutoRollbackConfiguration": {"Alarms": [{}]}}, 1, "needs an AlarmName"),
        (
            blue_green(wait=600, MaximumExecutionTimeoutInSeconds=600),
            1,
            "MaximumExecutionTimeoutInSeconds (600) must be longer than all waits together (600 seconds)",
        ),
        (
            blue_green(wait=300, TerminationWaitInSeconds=400, MaximumExecutionTimeoutInSeconds=600),
            1,
            "longer than all waits together (700 seconds)",
        ),
    ],
)
def test_refused(config: dict[str, Any], instances: int, complaint: str) -> None:
    with pytest.raises(ValidationError) as error:
        read(config, instances)
    assert complaint in error.value.message


def test_all_complaints_at_once() -> None:
    with pytest.raises(ValidationError) as error:
        read(with_alarms(rolling(60), "other"), previous={"old"}, one=2, two=4)
    for complaint in (
        "alarms do not exist: other",
        "must have the variants of the current one (old); it has one, two",
        "not supported for endpoints with several variants",
        "for variant one with 2",
        "for variant two with 4",
    ):
        assert complaint in error.value.message


@pytest.mark.parametrize(
    ("config", "instances", "fractions"),
    [
        (None, 3, [1.0]),
        (blue_green(), 3, [1.0]),
        (with_alarms({}, "known"), 3, [1.0]),
        (blue_green("CANARY", CanarySize=percent(25)), 4, [0.25, 1.0]),
        (blue_green("CANARY", CanarySize=count(1)), 4, [0.25, 1.0]),
        (blue_green("CANARY", CanarySize=percent(50)), 1, [0.5, 1.0]),
        (blue_green("LINEAR", LinearStepSize=percent(30)), 4, [0.3, 0.6, 0.9, 1.0]),
        (blue_green("LINEAR", LinearStepSize=count(1)), 4, [0.25, 0.5, 0.75, 1.0]),
        (blue_green("LINEAR", LinearStepSize=percent(10)), 4, [number / 10 for number in range(1, 11)]),
    ],
)
def test_steps(config: dict[str, Any] | None, instances: int, fractions: list[float]) -> None:
    plan = read(config, instances, previous={"AllTraffic"})
    assert plan.fractions(instances) == pytest.approx(fractions)


@given(size=st.integers(10, 50), instances=st.integers(1, 40))
def test_linear_steps_rise_to_all_of_the_traffic(size: int, instances: int) -> None:
    plan = read(blue_green("LINEAR", LinearStepSize=percent(size)), instances)
    fractions = [0.0, *plan.fractions(instances)]
    steps = [after - before for before, after in itertools.pairwise(fractions)]
    assert fractions[-1] == 1
    assert all(0 < step <= size / 100 + 1e-9 for step in steps)
    assert all(1 <= plan.step.instances(total) <= total for total in range(1, 41))
