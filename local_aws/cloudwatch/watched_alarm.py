"""A metric alarm as the evaluator sees it: which metrics, in which periods, make the datapoints of which rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .alarm_rule import COMPARISONS, AlarmRule, AlarmState, Datapoint, Verdict, evaluate
from .metric_math import Expression
from .samples import Sample
from .statistics import check_statistic, statistic

_RESOLUTION_SECONDS = 60
"""Alarms are evaluated so often; those with a shorter period, once a period."""


class UnsupportedAlarmError(ValueError):
    """The alarm needs what the local AWS does not evaluate; the text says what."""


@dataclass(frozen=True)
class MetricQuery:
    """One metric's statistic."""

    namespace: str
    metric: str
    dimensions: frozenset[tuple[str, str]]
    statistic: str
    unit: str | None = None


Read = Callable[[MetricQuery, datetime, datetime], list[Sample]]
"""The samples of a query from the first moment on, before the second."""


@dataclass(frozen=True)
class WatchedAlarm:
    """Raises UnsupportedAlarmError, UnsupportedStatisticError or UnsupportedExpressionError when it is made."""

    rule: AlarmRule
    period_seconds: int
    queries: dict[str, MetricQuery]
    """By id; an alarm of one metric has one, `m`."""

    expressions: dict[str, Expression]
    watched: str
    """The id of the query or expression that is compared."""

    evaluate_few_samples: bool = True
    """False where EvaluateLowSampleCountPercentile is `ignore`."""

    def __post_init__(self) -> None:
        if self.rule.comparison not in COMPARISONS:
            raise UnsupportedAlarmError(
                f"The local AWS has no anomaly detection: it does not evaluate {self.rule.comparison}. It compares "
                f"with a fixed threshold: {', '.join(COMPARISONS)}."
            )
        for query in self.queries.values():
            check_statistic(query.statistic)
        self._check_ids(self.watched, ())

    @property
    def step_seconds(self) -> int:
        """How often it is evaluated."""
        return min(self.period_seconds, _RESOLUTION_SECONDS)

    def evaluate(self, read: Read, now: datetime, state: AlarmState, time_factor: float = 1.0) -> Verdict:
        """What becomes of it in `state`. Periods end where those of the clock do, as on AWS.

        `time_factor`: how long a second of the alarm's periods takes.
        """
        step, period = self.step_seconds * time_factor, timedelta(seconds=self.period_seconds * time_factor)
        end = now - timedelta(seconds=now.timestamp() % step)
        newest_first = [
            self._datapoint(read, end - period * (age + 1), end - period * age) for age in range(self.rule.range_length)
        ]
        verdict = evaluate(self.rule, newest_first, state)
        if not self.evaluate_few_samples and any(self._is_weak(point) for point in verdict.datapoints):
            return Verdict(state, verdict.reason, verdict.datapoints)
        return verdict

    def _datapoint(self, read: Read, start: datetime, end: datetime) -> Datapoint | None:
        parts = {name: [s.values for s in read(query, start, end)] for name, query in self.queries.items()}
        values = {name: statistic(self.queries[name].statistic, found) for name, found in parts.items()}
        value = self._value(self.watched, values)
        if value is None:
            return None
        counts = [sum(part.count for part in found) for found in parts.values()]
        return Datapoint(start, value, max(counts, default=0))

    def _value(self, name: str, values: dict[str, float | None]) -> float | None:
        if name in self.queries:
            return values[name]
        expression = self.expressions[name]
        return expression.value({needed: self._value(needed, values) for needed in expression.ids})

    def _is_weak(self, point: Datapoint) -> bool:
        """Whether AWS finds that the percentile of so few samples says nothing."""
        name = self.queries[self.watched].statistic if self.watched in self.queries else ""
        if not name.startswith("p"):
            return False
        percent = float(name[1:]) / 100
        rare = 1 - percent if percent >= 0.5 else percent
        return rare > 0 and point.sample_count < 10 / rare

    def _check_ids(self, name: str, path: Sequence[str]) -> None:
        if name in path:
            raise UnsupportedAlarmError(f"The expressions {', '.join(path)} need each other.")
        if name in self.queries:
            return
        if name not in self.expressions:
            raise UnsupportedAlarmError(f"No query of the alarm has the id '{name}'.")
        for needed in self.expressions[name].ids:
            self._check_ids(needed, (*path, name))
