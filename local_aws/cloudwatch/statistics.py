"""What CloudWatch makes of the values that a metric got in a period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d+)?)")
_BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")


class UnsupportedStatisticError(ValueError):
    """CloudWatch has the statistic, or may have; the local AWS does not."""


@dataclass
class Distribution:
    """Values taken together.

    `values` holds each of them where they differ and are known one by one; it is empty for a statistic set of
    PutMetricData.
    """

    count: float = 0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, value: float) -> None:
        if self.count and not self.values and value != self.minimum:
            self.values = array("d", [self.minimum]) * int(self.count)
        if self.values:
            self.values.append(value)
        self.count += 1
        self.total += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)

    @property
    def is_known(self) -> bool:
        """Whether every value is known: percentiles can be told."""
        return self.minimum == self.maximum or len(self.values) == self.count


def check_statistic(name: str) -> None:
    """Raises UnsupportedStatisticError for a name that `statistic` does not take."""
    match = _PERCENTILE.fullmatch(name)
    if name not in _BASIC and (match is None or float(match.group(1)) > 100):
        raise UnsupportedStatisticError(
            f"The local AWS evaluates no statistic {name}: use {', '.join(_BASIC)} or a percentile from p0 to p100."
        )


def statistic(name: str, parts: Iterable[Distribution]) -> float | None:
    """The statistic of all `parts` together; None where there are no values, or a percentile cannot be told.

    A percentile is the smallest value that at least so many percent of the values do not exceed. As on AWS it needs the
    values: a statistic set will do only where all its values are the same.
    """
    check_statistic(name)
    known = [part for part in parts if part.count > 0]
    if not known:
        return None
    count, total = sum(part.count for part in known), sum(part.total for part in known)
    basic = {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count,
        "Minimum": min(part.minimum for part in known),
        "Maximum": max(part.maximum for part in known),
    }
    return basic[name] if name in basic else _percentile(float(name[1:]), known)


def _percentile(percent: float, parts: list[Distribution]) -> float | None:
    if not all(part.is_known for part in parts):
        return None
    counted: list[tuple[float, float]] = []
    for part in parts:
        if part.minimum == part.maximum:
            counted.append((part.minimum, part.count))
        else:
            counted += [(value, 1) for value in part.values]
    counted.sort()
    wanted = max(percent / 100 * sum(count for _, count in counted), 1)
    below = 0.0
    for value, count in counted:
        below += count
        if below >= wanted - 1e-9:  # 0.9 of ten values is not quite 9 in floating point
            return value
    return counted[-1][0]
