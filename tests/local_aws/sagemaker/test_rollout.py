"""Updates played through second by second, on a clock that the test moves: who serves when, and what rolls back."""

from collections.abc import Callable
from typing import Any

import pytest

from local_aws.sagemaker.deployment_config import CapacitySize, DeploymentPlan
from local_aws.sagemaker.fleet import DeployedImage, Fleet, LaunchError, Variant, VariantPlan
from local_aws.sagemaker.records import Model
from local_aws.sagemaker.rollout import RollbackFailedError, Rollout, RolloutError
from local_aws.sagemaker.traffic import Traffic

NAME = "AllTraffic"


class Host:
    requests_under_way = 0

    def __init__(self, name: str) -> None:
        self.id = name
        self.healthy = False
        self.failure: str | None = None

    def start(self) -> None:
        if self.failure is not None:
            raise LaunchError(self.failure)
        self.healthy = True

    def stop(self, drain: bool, grace_seconds: float = 0) -> None:
        self.healthy = False


class Stage:
    """An update, and what is seen of it: `moments` has (elapsed seconds, stage, old count, new count, new fraction)."""

    def __init__(self, plan: DeploymentPlan, old: int = 4, new: int = 4) -> None:
        self.hosts: list[Host] = []
        self.failure: str | None = None
        self.elapsed_seconds = 0.0
        self.at: list[tuple[float, Callable[[], None]]] = []
        self.ringing: set[str] = set()
        self.moments: list[tuple[float, str, int, int, float]] = []
        self.old, self.new = self._fleet("old", old), self._fleet("new", new)
        self.old.start()
        self.traffic = Traffic(self.old)
        self.rollout = Rollout(
            plan=plan,
            old=self.old,
            new=self.new,
            traffic=self.traffic,
            alarm_states=lambda names: {name: "ALARM" if name in self.ringing else "OK" for name in names},
            stopwatch=self,
            report=self._report,
        )

    def wait(self, seconds: float) -> None:
        self.elapsed_seconds += seconds
        for moment, act in [item for item in self.at if item[0] <= self.elapsed_seconds]:
            self.at.remove((moment, act))
            act()

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.old.variants[NAME].hosts), len(self.new.variants[NAME].hosts)

    @property
    def share(self) -> float:
        """The part of the requests that the new fleet gets."""
        fleets = [self.traffic._next_fleet() for _ in range(1000)]
        return fleets.count(self.new) / 1000

    def _report(self, stage: str) -> None:
        if stage == "Baking":
            self.moments.append((self.elapsed_seconds, *self.counts, self.share))

    def _fleet(self, name: str, count: int) -> Fleet:
        def make(plan: VariantPlan) -> Host:
            host = Host(f"{name}-{len(self.hosts)}")
            host.failure = self.failure
            self.hosts.append(host)
            return host

        plan = VariantPlan(NAME, Model("m", "arn", {}), "ml.m5.large", count, 1.0, None)
        return Fleet([Variant(plan, [DeployedImage("image", "image")], make)])


def percent(value: int) -> CapacitySize:
    return CapacitySize("CAPACITY_PERCENT", value)


def plan(policy: str, step: int | None = None, wait: int = 60, **members: Any) -> DeploymentPlan:
    return DeploymentPlan(
        policy=policy, step=percent(step) if step else None, wait_seconds=wait, alarms=("errors",), **members
    )


@pytest.mark.parametrize(
    ("deployment", "moments"),
    [
        (plan("ALL_AT_ONCE", termination_wait_seconds=120), [(0, 4, 4, 1.0), (60, 4, 4, 1.0)]),
        (plan("CANARY", 25), [(0, 4, 4, 0.25), (60, 4, 4, 1.0), (120, 4, 4, 1.0)]),
        (
            plan("LINEAR", 30),
            [(0, 4, 4, 0.3), (60, 4, 4, 0.6), (120, 4, 4, 0.9), (180, 4, 4, 1.0), (240, 4, 4, 1.0)],
        ),
        (plan("ROLLING", 50), [(0, 4, 2, 0.333), (60, 2, 4, 0.666)]),
        (
            plan("ROLLING", 25),
            [(0, 4, 1, 0.2), (60, 3, 2, 0.4), (120, 2, 3, 0.6), (180, 1, 4, 0.8)],
        ),
    ],
)
def test_good_update(deployment: DeploymentPlan, moments: list[tuple[float, int, int, float]]) -> None:
    stage = Stage(deployment)
    stage.rollout.run()
    assert [moment[:3] for moment in stage.moments] == [moment[:3] for moment in moments]
    assert [moment[3] for moment in stage.moments] == pytest.approx([moment[3] for moment in moments], abs=0.002)
    assert stage.share == 1.0
    assert stage.elapsed_seconds == deployment.waits_seconds(4)
    assert stage.counts == ((0, 4) if deployment.policy == "ROLLING" else (4, 4))


@pytest.mark.parametrize(
    ("old", "new", "moments"),
    [(4, 2, [(4, 1), (2, 2)]), (2, 4, [(2, 2), (1, 4)]), (1, 1, [(1, 1)]), (3, 3, [(3, 2), (1, 3)])],
)
def test_rolling_update_with_other_counts(old: int, new: int, moments: list[tuple[int, int]]) -> None:
    stage = Stage(plan("ROLLING", 50), old, new)
    stage.rollout.run()
    assert [moment[1:3] for moment in stage.moments] == moments
    assert stage.counts == (0, new)


def test_only_the_canary_gets_requests() -> None:
    stage = Stage(plan("CANARY", 50))
    seen: list[set[str]] = []

    def look() -> None:
        variant = stage.new.variants[NAME]
        seen.append({variant.choose(f"model-{number}")[0].id for number in range(50)})

    stage.at = [(30, look), (90, look)]
    stage.rollout.run()
    assert [len(found) for found in seen] == [2, 4]
    assert stage.new.variants[NAME].active_count is None


POLICIES = [
    plan("ALL_AT_ONCE", wait=300, termination_wait_seconds=300),
    plan("CANARY", 25, wait=300),
    plan("LINEAR", 30, wait=300),
    plan("ROLLING", 25, wait=300),
]


@pytest.mark.parametrize("deployment", POLICIES, ids=lambda plan: plan.policy)
@pytest.mark.parametrize("moment", [0, 10, 299, 301, 599])
def test_alarm_at_any_time_rolls_back(deployment: DeploymentPlan, moment: float) -> None:
    stage = Stage(deployment)
    stage.at = [(moment, lambda: stage.ringing.add("errors"))]
    with pytest.raises(RolloutError, match="alarms are in ALARM: errors"):
        stage.rollout.run()
    assert moment <= stage.elapsed_seconds <= moment + 10
    stage.rollout.roll_back()
    assert stage.traffic.serving is stage.old
    assert (stage.traffic.arriving, stage.share) == (None, 0)
    assert stage.old.counts() == {NAME: 4}
    assert all(host.healthy for host in stage.old.variants[NAME].hosts)
    assert not any(host.healthy for host in stage.hosts if host.id.startswith("new"))


@pytest.mark.parametrize("deployment", POLICIES, ids=lambda plan: plan.policy)
def test_unhealthy_instances_roll_back(deployment: DeploymentPlan) -> None:
    stage = Stage(deployment)
    stage.failure = "did not pass the ping health check"
    with pytest.raises(RolloutError, match="did not pass the ping health check"):
        stage.rollout.run()
    stage.rollout.roll_back()
    assert stage.counts[0] == 4
    assert stage.share == 0
    assert sum(host.healthy for host in stage.hosts) == 4


def test_unhealthy_second_batch_rolls_back() -> None:
    stage = Stage(plan("ROLLING", 25))
    stage.at = [(60, lambda: setattr(stage, "failure", "no capacity"))]
    with pytest.raises(RolloutError, match="no capacity"):
        stage.rollout.run()
    assert stage.counts == (3, 1)
    stage.failure = None
    stage.rollout.roll_back()
    assert stage.old.counts() == {NAME: 4}
    assert sum(host.healthy for host in stage.hosts) == 4


@pytest.mark.parametrize("batch", [10, 50, 100])
def test_rollback_in_batches(batch: int) -> None:
    stage = Stage(plan("ROLLING", 50, rollback_batch=percent(batch)))
    stage.at = [(90, lambda: stage.ringing.add("errors"))]
    with pytest.raises(RolloutError):
        stage.rollout.run()
    assert stage.counts == (2, 4)
    stage.rollout.roll_back()
    assert stage.old.counts() == {NAME: 4}
    assert stage.share == 0
    assert sum(host.healthy for host in stage.hosts) == 4


def test_rollback_that_fails_leaves_both_serving() -> None:
    stage = Stage(plan("ROLLING", 50))
    stage.at = [(90, lambda: stage.ringing.add("errors"))]
    with pytest.raises(RolloutError):
        stage.rollout.run()
    stage.failure = "no capacity"
    with pytest.raises(RollbackFailedError, match="no capacity"):
        stage.rollout.roll_back()
    assert stage.counts == (2, 4)
    assert 0 < stage.share < 1


@pytest.mark.parametrize("deployment", POLICIES, ids=lambda plan: plan.policy)
def test_time_limit_rolls_back(deployment: DeploymentPlan) -> None:
    stage = Stage(DeploymentPlan(**{**vars(deployment), "timeout_seconds": 320}))
    with pytest.raises(RolloutError, match=r"longer than MaximumExecutionTimeoutInSeconds \(320 seconds\)"):
        stage.rollout.run()
    assert stage.elapsed_seconds <= 330
    stage.rollout.roll_back()
    assert stage.old.counts() == {NAME: 4}
    assert stage.share == 0
