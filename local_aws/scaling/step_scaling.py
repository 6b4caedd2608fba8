"""How many instances a step scaling policy wants when an alarm rings.

https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, Self

AdjustmentType = Literal["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"]
_COOLDOWN_SECONDS = 300
"""AWS's default for SageMaker's variants."""

_AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {"Average": fmean, "Minimum": min, "Maximum": max}


@dataclass(frozen=True)
class StepAdjustment:
    """What to do while the metric's distance from the alarm's threshold is within the bounds."""

    lower: float
    """-inf where the request names none."""

    upper: float
    """inf where the request names none."""

    adjustment: int

    def holds(self, distance: float) -> bool:
        """The bound next to the threshold is part of the interval, the one farther away is not."""
        if distance >= 0:
            return self.lower <= distance < self.upper
        return self.lower < distance <= self.upper


@dataclass(frozen=True)
class StepScaling:
    """A step scaling policy of one variant."""

    name: str
    adjustment_type: AdjustmentType
    steps: tuple[StepAdjustment, ...]
    cooldown_seconds: float = _COOLDOWN_SECONDS
    aggregation: str = "Average"
    least_change: int = 0
    """MinAdjustmentMagnitude, in instances."""

    @classmethod
    def read(cls, name: str, configuration: dict[str, Any]) -> Self:
        """From a StepScalingPolicyConfiguration without complaints."""
        steps = (
            StepAdjustment(
                item.get("MetricIntervalLowerBound", -math.inf),
                item.get("MetricIntervalUpperBound", math.inf),
                item["ScalingAdjustment"],
            )
            for item in configuration["StepAdjustments"]
        )
        return cls(
            name=name,
            adjustment_type=configuration["AdjustmentType"],
            steps=tuple(steps),
            cooldown_seconds=configuration.get("Cooldown", _COOLDOWN_SECONDS),
            aggregation=configuration.get("MetricAggregationType", "Average"),
            least_change=configuration.get("MinAdjustmentMagnitude", 0),
        )

    def wanted(self, datapoints: Sequence[float], threshold: float, capacity: int) -> int:
        """How many instances the alarm's datapoints ask for, where there are `capacity`.

        As many as there are where no step holds, or the alarm had no datapoints.
        """
        if not datapoints:
            return capacity
        distance = _AGGREGATIONS[self.aggregation](datapoints) - threshold
        step = next((step for step in self.steps if step.holds(distance)), None)
        return capacity if step is None else max(self._apply(step.adjustment, capacity), 0)

    def _apply(self, adjustment: int, capacity: int) -> int:
        if self.adjustment_type == "ExactCapacity":
            return adjustment
        if self.adjustment_type == "ChangeInCapacity":
            return capacity + adjustment
        change = capacity * adjustment / 100
        # Towards zero, except that a change is at least one instance.
        whole = math.trunc(change) or (change > 0) - (change < 0)
        return capacity + int(math.copysign(max(abs(whole), self.least_change), whole)) if whole else capacity


def complaints(configuration: dict[str, Any]) -> Iterator[str]:
    """What AWS refuses of a StepScalingPolicyConfiguration that has the shape of one."""
    if "AdjustmentType" not in configuration:
        yield "AdjustmentType is required for a new step scaling policy."
    least = configuration.get("MinAdjustmentMagnitude")
    if least is not None and configuration.get("AdjustmentType") != "PercentChangeInCapacity":
        yield "MinAdjustmentMagnitude is only for the adjustment type PercentChangeInCapacity."
    given = configuration.get("StepAdjustments") or []
    if not given:
        yield "At least one StepAdjustment is required for a new step scaling policy."
        return
    if configuration.get("AdjustmentType") == "ExactCapacity" and any(item["ScalingAdjustment"] < 0 for item in given):
        yield "ScalingAdjustment must not be negative with the adjustment type ExactCapacity."
    intervals = [(item.get("MetricIntervalLowerBound"), item.get("MetricIntervalUpperBound")) for item in given]
    yield from _interval_complaints(intervals)


def _interval_complaints(intervals: list[tuple[float | None, float | None]]) -> Iterator[str]:
    if (None, None) in intervals:
        yield "The upper and lower bound can't both be null in one StepAdjustment."
        return
    lowers, uppers = [lower for lower, _ in intervals], [upper for _, upper in intervals]
    for name, bounds in (("lower", lowers), ("upper", uppers)):
        if bounds.count(None) > 1:
            yield f"At most one StepAdjustment may have no {name} bound."
    if None not in lowers and any(lower is not None and lower < 0 for lower in lowers):
        yield "A StepAdjustment has a negative lower bound, so that one must have no lower bound."
    if None not in uppers and any(upper is not None and upper > 0 for upper in uppers):
        yield "A StepAdjustment has a positive upper bound, so that one must have no upper bound."
    closed = sorted(
        (-math.inf if lower is None else lower, math.inf if upper is None else upper) for lower, upper in intervals
    )
    if any(lower >= upper for lower, upper in closed):
        yield "The lower bound of a StepAdjustment must be less than its upper bound."
    for (_, upper), (lower, _) in itertools.pairwise(closed):
        if upper != lower:
            yield f"StepAdjustments {'overlap' if upper > lower else 'leave a gap'} between {lower:g} and {upper:g}."
