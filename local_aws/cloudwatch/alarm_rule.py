"""When a metric alarm changes its state: M of N datapoints, and what stands for those that are missing.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
TreatMissing = Literal["missing", "ignore", "breaching", "notBreaching"]

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_EXTRA_DATAPOINTS = 2
"""How many datapoints CloudWatch looks at beyond the evaluation periods, in case some are missing. AWS leaves the
number open; its examples have five for three periods."""


@dataclass(frozen=True)
class Datapoint:
    """A metric's statistic in one period that began at `start`."""

    start: datetime
    value: float
    sample_count: float


@dataclass(frozen=True)
class AlarmRule:
    """What an alarm compares, and how often it must be so."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing: TreatMissing = "missing"

    @property
    def range_length(self) -> int:
        """How many datapoints, missing ones included, an evaluation looks at."""
        return self.evaluation_periods + _EXTRA_DATAPOINTS

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Verdict:
    """The state that an evaluation came to, why, and the datapoints it was made of, newest first."""

    state: AlarmState
    reason: str
    datapoints: tuple[Datapoint, ...]


def evaluate(rule: AlarmRule, newest_first: Sequence[Datapoint | None], state: AlarmState) -> Verdict:
    """What becomes of an alarm in `state`. `newest_first` has `rule.range_length` datapoints, None for missing ones."""
    evaluation = _Evaluation(rule, newest_first, state)
    new = evaluation.new_state()
    return Verdict(new, evaluation.reason(new), tuple(evaluation.found))


class _Evaluation:
    """One look at an alarm. Missing datapoints count only as far as there are fewer than evaluation periods."""

    def __init__(self, rule: AlarmRule, newest_first: Sequence[Datapoint | None], state: AlarmState) -> None:
        self._rule = rule
        self._newest_first = newest_first
        self._state = state
        self.found = [point for point in newest_first if point is not None][: rule.evaluation_periods]
        self._breaching = [point for point in self.found if rule.breaches(point.value)]
        self._missing = rule.evaluation_periods - len(self.found)

    def new_state(self) -> AlarmState:
        rule, breaching = self._rule, len(self._breaching)
        if rule.treat_missing == "breaching":
            breaching += self._missing
        if breaching >= rule.datapoints_to_alarm:
            return "ALARM"
        is_within = len(self._breaching) < len(self.found)
        if rule.treat_missing in ("breaching", "notBreaching") or self._missing == 0 or is_within:
            return "OK"
        # Too few datapoints, and none of them is within the threshold.
        if rule.treat_missing == "ignore":
            return self._state
        if not self.found:
            return "INSUFFICIENT_DATA"
        # All that is there breaches. That is enough once the oldest is as old as M datapoints would be.
        oldest = max(age for age, point in enumerate(self._newest_first, 1) if point is not None)
        return "ALARM" if oldest >= rule.datapoints_to_alarm else self._state

    def reason(self, new: AlarmState) -> str:
        rule, missing = self._rule, self._missing
        if not self.found:
            if rule.treat_missing in ("breaching", "notBreaching"):
                treated = "Breaching" if rule.treat_missing == "breaching" else "NonBreaching"
                return (
                    f"Threshold Crossed: no datapoints were received for {_count(missing, 'period')} and "
                    f"{_count(missing, 'missing datapoint')} {_were(missing)} treated as [{treated}]."
                )
            return f"Insufficient Data: {_count(missing, 'datapoint')} {_were(missing)} unknown."
        shown, negated, needed = self._breaching or self.found, "", rule.datapoints_to_alarm
        if new == "OK":
            shown = [point for point in self.found if point not in self._breaching] or self.found
            negated, needed = "not ", rule.evaluation_periods - rule.datapoints_to_alarm + 1
        listed = ", ".join(f"{point.value} ({point.start:%d/%m/%y %H:%M:%S})" for point in shown)
        return (
            f"Threshold Crossed: {len(shown)} out of the last {len(self.found)} datapoints [{listed}] "
            f"{_were(len(shown))} {negated}{COMPARISONS[rule.comparison][1]} the threshold ({float(rule.threshold)}) "
            f"(minimum {_count(needed, 'datapoint')} for {self._state} -> {new} transition)."
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
