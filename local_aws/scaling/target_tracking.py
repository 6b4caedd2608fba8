"""How many instances a target tracking policy wants.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..cloudwatch.watched_alarm import MetricQuery

PERIOD_SECONDS = 60
HIGH_PERIODS = 3
"""So many minutes above the target add instances: the alarm that AWS makes has three of three datapoints."""

LOW_PERIODS = 15
"""So many minutes below the target take instances away: the other alarm has fifteen of fifteen."""

_LOW_PART = 0.9
"""Of the target: where it counts as below."""

_COOLDOWN_SECONDS = 300
"""AWS's default for SageMaker's variants."""


@dataclass(frozen=True)
class TargetTracking:
    """A target tracking policy of one variant."""

    name: str
    target_value: float
    query: MetricQuery
    scale_out_cooldown_seconds: float = _COOLDOWN_SECONDS
    scale_in_cooldown_seconds: float = _COOLDOWN_SECONDS
    scales_in: bool = True

    def wanted(self, newest_first: Sequence[float | None], capacity: int) -> int:
        """How many instances the metric's last minutes ask for, where there are `capacity`.

        Minutes without data are no reason to change anything, as on AWS: an endpoint without any requests keeps its
        instances.
        """
        high = [value for value in newest_first[:HIGH_PERIODS] if value is not None]
        if len(high) == HIGH_PERIODS and all(value > self.target_value for value in high):
            return max(math.ceil(capacity * high[0] / self.target_value), capacity + 1)
        low = [value for value in newest_first[:LOW_PERIODS] if value is not None]
        limit = self.target_value * _LOW_PART
        if self.scales_in and len(low) == LOW_PERIODS and all(value < limit for value in low):
            return min(math.ceil(capacity * max(low) / self.target_value), capacity)
        return capacity
