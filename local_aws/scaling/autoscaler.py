"""Keeps the variants that are scalable targets within their limits, changes those limits when scheduled actions say so,
and changes the number of instances when alarms invoke policies."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ..periodic import PeriodicThread
from .activities import Activities, Activity
from .scheduled import ScheduledAction
from .step_scaling import StepScaling
from .target_tracking import PERIOD_SECONDS, TargetTracking

logger = logging.getLogger(__name__)

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_TICK_SECONDS = 10.0
_STILL_WANTED_SECONDS = 1.5 * PERIOD_SECONDS
"""An alarm invokes its policy each minute: what it wanted before that is no more its wish."""


class CapacityRefusedError(Exception):
    """The endpoint did not take the new number of instances; the text says why."""


class NoSuchPolicyError(LookupError):
    """No scaling policy has the ARN."""


@dataclass(frozen=True)
class ScalableTarget:
    """A production variant that Application Auto Scaling looks after. `policies`, by ARN."""

    endpoint: str
    variant: str
    minimum: int
    maximum: int
    policies: dict[str, TargetTracking | StepScaling]
    may_scale_out: bool = True
    may_scale_in: bool = True
    has_schedule: bool = True

    @property
    def resource_id(self) -> str:
        return f"endpoint/{self.endpoint}/variant/{self.variant}"


@dataclass(frozen=True)
class Ring:
    """An alarm that invokes a policy: when it changes to a state, and each minute while it stays in it."""

    alarm: str
    state: str
    datapoints: Sequence[float]
    """Those that were evaluated, newest first."""

    threshold: float
    is_high: bool
    """Whether it compares with `greater than`."""

    at: datetime


class ScalingAccount(Protocol):
    """What there is to scale."""

    def targets(self) -> list[ScalableTarget]: ...

    def scheduled_actions(self) -> list[ScheduledAction]: ...

    def set_limits(self, resource_id: str, minimum: int, maximum: int) -> None: ...


class Capacities(Protocol):
    """The instances of variants."""

    def capacity(self, endpoint: str, variant: str) -> int | None:
        """How many it is to have; None while the endpoint is in change, or not there."""

    def set_capacity(self, endpoint: str, variant: str, count: int) -> None:
        """Raises CapacityRefusedError."""


@dataclass(frozen=True)
class _Change:
    """The last one that a policy made: what cools down."""

    at: datetime
    before: int
    after: int
    cooldown_seconds: float


class AutoScaler:
    """A thread that scales. `time_factor`: how long a second of cooldowns takes; schedules are on the wall clock."""

    def __init__(
        self,
        *,
        account: ScalingAccount,
        capacities: Capacities,
        activities: Activities,
        time_factor: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = account
        self._capacities = capacities
        self._activities = activities
        self._time_factor = time_factor
        self._changes: dict[str, _Change] = {}
        self._wishes: dict[str, tuple[datetime, int]] = {}
        self._looked = clock()
        self._lock = threading.Lock()
        self._thread = PeriodicThread(
            "automatic scaling", lambda: self.scale(clock()), _TICK_SECONDS * time_factor, on_the_clock=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def reset(self) -> None:
        """Forget what was scaled when."""
        with self._lock:
            self._changes.clear()
            self._wishes.clear()
            self._activities.clear()

    def scale(self, now: datetime) -> None:
        """Run scheduled actions whose time has come, and bring every target within its limits."""
        with self._lock:
            self._run_scheduled(now)
            for target in self._account.targets():
                capacity = self._capacities.capacity(target.endpoint, target.variant)
                if capacity is None:
                    continue
                wanted = min(max(capacity, target.minimum), target.maximum)
                if wanted != capacity:
                    limit, value = ("minimum", target.minimum) if wanted > capacity else ("maximum", target.maximum)
                    self._set(target, capacity, wanted, f"{limit} capacity was set to {value}", now)

    def ring(self, policy_arn: str, ring: Ring) -> None:
        """Do what an alarm's action asks for. Raises NoSuchPolicyError, CapacityRefusedError."""
        with self._lock:
            target = next((target for target in self._account.targets() if policy_arn in target.policies), None)
            if target is None:
                raise NoSuchPolicyError(f"No scaling policy found: {policy_arn}")
            capacity = self._capacities.capacity(target.endpoint, target.variant)
            if capacity is None:
                raise CapacityRefusedError(f"{target.resource_id} is in change, or not there.")
            policy = target.policies[policy_arn]
            if isinstance(policy, StepScaling):
                wanted = self._wanted_by_step(target, policy, ring, capacity)
                cooldown = policy.cooldown_seconds
            else:
                wanted = self._wanted_by_target_tracking(target, policy_arn, policy, ring, capacity)
                out = wanted > capacity
                cooldown = policy.scale_out_cooldown_seconds if out else policy.scale_in_cooldown_seconds
            wanted = min(max(wanted, target.minimum), target.maximum)
            may = target.may_scale_out if wanted > capacity else target.may_scale_in
            if wanted == capacity or not may:
                return
            cause = f"monitor alarm {ring.alarm} in state {ring.state} triggered policy {policy.name}"
            error = self._set(target, capacity, wanted, cause, ring.at)
            if error is not None:
                raise error
            self._changes[target.resource_id] = _Change(ring.at, capacity, wanted, cooldown)

    def _wanted_by_step(self, target: ScalableTarget, policy: StepScaling, ring: Ring, capacity: int) -> int:
        """During the cooldown of a scaling-out, what that one added counts towards the next."""
        change = self._cooling(target, ring.at)
        grew = change is not None and change.after >= change.before  # after a scaling-in, scaling-out goes on at once
        base = min(change.before, capacity) if change is not None and grew else capacity
        wanted = policy.wanted(ring.datapoints, ring.threshold, base)
        return wanted if change is None else max(wanted, capacity)

    def _wanted_by_target_tracking(
        self, target: ScalableTarget, arn: str, policy: TargetTracking, ring: Ring, capacity: int
    ) -> int:
        """The most of what the target's policies want now: they take instances away only together."""
        wanted = policy.wanted(ring.datapoints, capacity, is_high=ring.is_high)
        self._wishes[arn] = (ring.at, wanted)
        change = self._cooling(target, ring.at)
        if wanted > capacity:
            return capacity if change is not None and change.after > change.before else wanted
        others = [
            name for name, other in target.policies.items() if isinstance(other, TargetTracking) and other.scales_in
        ]
        oldest = ring.at - timedelta(seconds=_STILL_WANTED_SECONDS * self._time_factor)
        wishes = [self._wishes[name][1] for name in others if name in self._wishes and self._wishes[name][0] >= oldest]
        if change is not None or len(wishes) < len(others):
            return capacity
        return max(wishes, default=capacity)

    def _cooling(self, target: ScalableTarget, now: datetime) -> _Change | None:
        change = self._changes.get(target.resource_id)
        if change is None or now - change.at >= timedelta(seconds=change.cooldown_seconds * self._time_factor):
            return None
        return change

    def _set(
        self, target: ScalableTarget, capacity: int, wanted: int, cause: str, now: datetime
    ) -> CapacityRefusedError | None:
        """Change the number of instances and note it. What the endpoint refuses is returned."""
        refusal = None
        try:
            self._capacities.set_capacity(target.endpoint, target.variant, wanted)
            logger.info("%s/%s: %s -> %s instances: %s", target.endpoint, target.variant, capacity, wanted, cause)
        except CapacityRefusedError as error:
            refusal = error
            logger.warning("%s/%s stays at %s instances: %s", target.endpoint, target.variant, capacity, error)
        description = f"Setting desired instance count to {wanted}."
        failure = str(refusal) if refusal is not None else None
        self._activities.add(Activity(target.resource_id, DIMENSION, now, description, cause, failure))
        return refusal

    def _run_scheduled(self, now: datetime) -> None:
        after, self._looked = self._looked, now
        due = [action for action in self._account.scheduled_actions() if action.is_due(after, now)]
        targets = {target.resource_id: target for target in self._account.targets()} if due else {}
        for action in due:
            target = targets.get(action.resource_id)
            if target is None or not target.has_schedule:
                continue
            minimum = target.minimum if action.minimum is None else action.minimum
            maximum = target.maximum if action.maximum is None else action.maximum
            failure = None
            if minimum <= maximum:
                self._account.set_limits(action.resource_id, minimum, maximum)
                logger.info(
                    "%s: scheduled action %s: limits %s and %s", target.resource_id, action.name, minimum, maximum
                )
            else:
                failure = f"Minimum capacity {minimum} is more than maximum capacity {maximum}."
            description = f"Setting min capacity to {minimum} and max capacity to {maximum}"
            cause = f"scheduled action name {action.name} was triggered"
            self._activities.add(Activity(action.resource_id, DIMENSION, now, description, cause, failure))
