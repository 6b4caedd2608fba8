"""Keeps the variants that are scalable targets within their limits, and as large as their policies want."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ..cloudwatch.statistics import statistic
from ..cloudwatch.watched_alarm import Read
from ..periodic import PeriodicThread
from .target_tracking import LOW_PERIODS, PERIOD_SECONDS, TargetTracking

logger = logging.getLogger(__name__)

_TICK_SECONDS = 10.0


@dataclass(frozen=True)
class ScalableTarget:
    """A production variant that Application Auto Scaling looks after."""

    endpoint: str
    variant: str
    minimum: int
    maximum: int
    policies: tuple[TargetTracking, ...] = ()
    may_scale_out: bool = True
    may_scale_in: bool = True


class Capacities(Protocol):
    """The instances of variants."""

    def capacity(self, endpoint: str, variant: str) -> int | None:
        """How many it is to have; None while the endpoint is in change, or not there."""

    def set_capacity(self, endpoint: str, variant: str, count: int) -> bool:
        """Whether the endpoint took it: another change may have come first."""


class AutoScaler:
    """A thread that scales. `time_factor`: how long a second of periods and cooldowns takes."""

    def __init__(
        self,
        *,
        targets: Callable[[], list[ScalableTarget]],
        capacities: Capacities,
        read: Read,
        collect: Callable[[], None],
        time_factor: float = 1.0,
    ) -> None:
        self._targets = targets
        self._capacities = capacities
        self._read = read
        self._collect = collect
        self._time_factor = time_factor
        self._changed: dict[tuple[str, str], tuple[datetime, bool]] = {}
        self._thread = PeriodicThread(
            "automatic scaling", lambda: self.scale(datetime.now(UTC)), _TICK_SECONDS * time_factor, on_the_clock=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def reset(self) -> None:
        """Forget what was scaled when."""
        self._changed.clear()

    def scale(self, now: datetime) -> None:
        """Look at every target once."""
        targets = self._targets()
        if any(target.policies for target in targets):
            self._collect()
        for target in targets:
            capacity = self._capacities.capacity(target.endpoint, target.variant)
            if capacity is None:
                continue
            wanted, reason = self._wanted(target, capacity, now)
            if wanted != capacity and self._capacities.set_capacity(target.endpoint, target.variant, wanted):
                logger.info("%s/%s: %s -> %s instances: %s", target.endpoint, target.variant, capacity, wanted, reason)
                self._changed[target.endpoint, target.variant] = (now, wanted > capacity)

    def _wanted(self, target: ScalableTarget, capacity: int, now: datetime) -> tuple[int, str]:
        """Limits hold at once. Of several policies the one that wants most decides, as on AWS."""
        within = min(max(capacity, target.minimum), target.maximum)
        if within != capacity:
            return within, f"the limits are {target.minimum} and {target.maximum}"
        if not target.policies:
            return capacity, ""
        policy, wanted = max(
            ((policy, policy.wanted(self._minutes(policy, now), capacity)) for policy in target.policies),
            key=lambda item: item[1],
        )
        wanted = min(max(wanted, target.minimum), target.maximum)
        allowed = target.may_scale_out if wanted > capacity else target.may_scale_in
        if not allowed or self._cools_down(target, policy, now, scales_out=wanted > capacity):
            return capacity, ""
        return wanted, f"policy {policy.name} keeps {policy.query.metric} at {policy.target_value:g}"

    def _cools_down(self, target: ScalableTarget, policy: TargetTracking, now: datetime, *, scales_out: bool) -> bool:
        """Scaling in waits after any change; scaling out, only after scaling out."""
        changed, out = self._changed.get((target.endpoint, target.variant), (None, False))
        if changed is None or (scales_out and not out):
            return False
        cooldown = policy.scale_out_cooldown_seconds if out else policy.scale_in_cooldown_seconds
        return now - changed < timedelta(seconds=cooldown * self._time_factor)

    def _minutes(self, policy: TargetTracking, now: datetime) -> list[float | None]:
        """The metric's values in the last minutes, newest first."""
        minute = PERIOD_SECONDS * self._time_factor
        end = now - timedelta(seconds=now.timestamp() % minute)
        starts = [end - timedelta(seconds=minute * (age + 1)) for age in range(LOW_PERIODS)]
        return [
            statistic(
                policy.query.statistic,
                [sample.values for sample in self._read(policy.query, start, start + timedelta(seconds=minute))],
            )
            for start in starts
        ]
