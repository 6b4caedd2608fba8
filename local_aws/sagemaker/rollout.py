"""One update of an endpoint, played through: blue/green (all at once, canary, linear) or rolling.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

from .deployment_config import DeploymentPlan, instances
from .fleet import Fleet, LaunchError
from .pace import Stopwatch
from .traffic import Traffic

_LOOK_SECONDS = 10.0
"""How often alarms are looked at while the new instances bake."""

_ROLLBACK_SECONDS = 3.0
"""A rollback takes minutes on AWS. Here it takes long enough that a caller that polls the endpoint's status sees it."""

Stage = Literal["Creating", "Updating", "Deleting", "ActivatingTraffic", "Baking"]


class RolloutError(Exception):
    """The update is to be rolled back; the text is the endpoint's FailureReason."""


class RollbackFailedError(Exception):
    """Instances of the previous configuration did not come back: both configurations serve."""


class Rollout:
    """Brings `new`, which has no instances yet, in the place of `old`.

    Args:
        alarm_states: states by name, of those alarms that exist.
        report: is called with each stage that the update enters.
    """

    def __init__(
        self,
        *,
        plan: DeploymentPlan,
        old: Fleet,
        new: Fleet,
        traffic: Traffic,
        alarm_states: Callable[[list[str]], Mapping[str, str]],
        stopwatch: Stopwatch,
        report: Callable[[Stage], None],
    ) -> None:
        self._plan = plan
        self._old = old
        self._new = new
        self._traffic = traffic
        self._alarm_states = alarm_states
        self._stopwatch = stopwatch
        self._report = report
        self._capacity = old.counts()

    def run(self) -> None:
        """Shift all traffic to the new fleet; the old one still has instances after a blue/green update.

        Raises RolloutError, StoppedError.
        """
        try:
            if self._plan.policy == "ROLLING":
                self._roll()
            else:
                self._shift()
        except LaunchError as error:
            raise RolloutError(str(error)) from error

    def roll_back(self) -> None:
        """Send all traffic to the old fleet, with the capacity it had, and end the new one.

        Raises RollbackFailedError, StoppedError.
        """
        counts = self._old.counts()
        if counts != self._capacity:  # a rolling update has ended instances
            self._bring_back(counts)
        self._traffic.settle(self._old)
        self._new.stop(drain=True)
        self._stopwatch.wait(_ROLLBACK_SECONDS)

    def _shift(self) -> None:
        self._report("Creating")
        self._traffic.shift(self._new, 0.0)
        self._new.start()
        for fraction in self._plan.fractions(max(self._new.planned_counts().values())):
            self._activate(fraction)
            self._bake(self._plan.wait_seconds)
        self._bake(self._plan.termination_wait_seconds)

    def _roll(self) -> None:
        (name, wanted), present = next(iter(self._new.planned_counts().items())), sum(self._capacity.values())
        batch = wanted if self._plan.step is None else self._plan.step.instances(wanted)
        self._traffic.shift(self._new, 0.0)
        for step in range(1, math.ceil(wanted / batch) + 1):
            arrived = min(step * batch, wanted)
            self._report("Creating")
            self._new.resize({name: arrived})
            self._activate_rolled(self._new, self._old)
            self._bake(self._plan.wait_seconds)
            self._report("Deleting")
            self._shrink(self._old, {name: round(present * (1 - arrived / wanted))})
            self._activate_rolled(self._new, self._old)

    def _bring_back(self, counts: dict[str, int]) -> None:
        (name, wanted), arrived = next(iter(self._capacity.items())), sum(counts.values())
        present = sum(self._new.counts().values())
        batch = self._plan.rollback_batch.instances(wanted)
        while arrived < wanted:
            left, arrived = wanted - arrived, min(arrived + batch, wanted)
            try:
                self._old.resize({name: arrived})
            except LaunchError as error:
                raise RollbackFailedError(str(error)) from error
            self._shrink(self._new, {name: math.floor(present * (wanted - arrived) / max(left, 1))})
            present = sum(self._new.counts().values())
            self._activate_rolled(self._new, self._old)

    def _shrink(self, fleet: Fleet, counts: dict[str, int]) -> None:
        """No request may come to an instance that is about to go: traffic leaves a fleet before its last one does."""
        other = self._new if fleet is self._old else self._old
        if not any(counts.values()):
            self._traffic.shift(self._new, 1.0 if other is self._new else 0.0)
        fleet.resize(counts)

    def _activate(self, fraction: float) -> None:
        self._report("ActivatingTraffic")
        for name, count in self._new.planned_counts().items():
            self._new.variants[name].active_count = None if fraction >= 1 else instances(fraction, count)
        self._traffic.shift(self._new, fraction)

    def _activate_rolled(self, new: Fleet, old: Fleet) -> None:
        self._report("ActivatingTraffic")
        arrived, left = sum(new.counts().values()), sum(old.counts().values())
        self._traffic.shift(new, arrived / max(arrived + left, 1))

    def _bake(self, seconds: float) -> None:
        self._report("Baking")
        end = self._stopwatch.elapsed_seconds + seconds
        while True:
            self._check()
            remaining = end - self._stopwatch.elapsed_seconds
            if remaining <= 0:
                return
            self._stopwatch.wait(min(remaining, _LOOK_SECONDS))

    def _check(self) -> None:
        states = self._alarm_states(list(self._plan.alarms))
        ringing = [name for name in self._plan.alarms if states.get(name) == "ALARM"]
        if ringing:
            raise RolloutError(
                f"One or more configured alarms are in ALARM: {', '.join(ringing)}. The update was rolled back."
            )
        if self._stopwatch.elapsed_seconds > self._plan.timeout_seconds:
            raise RolloutError(
                f"The update took longer than MaximumExecutionTimeoutInSeconds ({self._plan.timeout_seconds} seconds)."
            )
