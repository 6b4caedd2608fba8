"""Evaluates every metric alarm, as often as CloudWatch does."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

from moto.cloudwatch.models import Alarm

from ..periodic import PeriodicThread
from .alarm_rule import AlarmState, Verdict
from .moto_alarms import MotoAlarms, watched
from .watched_alarm import Read, WatchedAlarm

logger = logging.getLogger(__name__)

_TICK_SECONDS = 10.0
"""CloudWatch's finest evaluation."""

_MINUTE_SECONDS = 60
"""How often an alarm that stays in its state invokes the scaling policies among its actions."""


class AlarmEvaluator:
    """A thread that looks at the alarms whose turn it is. `collect` is called first: it sends what is not sent yet."""

    def __init__(self, alarms: MotoAlarms, read: Read, collect: Callable[[], None], time_factor: float = 1.0) -> None:
        self._alarms = alarms
        self._read = read
        self._collect = collect
        self._time_factor = time_factor
        self._last: dict[int, int] = {}
        self._minutes: dict[int, int] = {}
        self._thread = PeriodicThread(
            "the evaluation of alarms",
            lambda: self.evaluate(datetime.now(UTC)),
            _TICK_SECONDS * time_factor,
            on_the_clock=True,
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def evaluate(self, now: datetime) -> None:
        """Evaluate those that were not yet since their last step of the clock; a new alarm, at once."""
        due, steps = [], {}
        for alarm in self._alarms.all():
            step = int(now.timestamp() / (watched(alarm).step_seconds * self._time_factor))
            steps[id(alarm)] = step
            if self._last.get(id(alarm)) != step:
                due.append(alarm)
        self._last = steps
        self._minutes = {key: minute for key, minute in self._minutes.items() if key in steps}
        if not due:
            return
        self._collect()
        for alarm in due:
            self._evaluate(alarm, now)

    def _evaluate(self, alarm: Alarm, now: datetime) -> None:
        made, state = watched(alarm), cast(AlarmState, alarm.state_value)
        try:
            verdict = made.evaluate(self._read, now, state, self._time_factor)
        except Exception:  # one alarm must not keep the others from ringing
            logger.exception("alarm %s cannot be evaluated", alarm.name)
            return
        data, minute = _reason_data(made, verdict, now), int(now.timestamp() / (_MINUTE_SECONDS * self._time_factor))
        self._alarms.apply(alarm, verdict, data, state)
        if verdict.state == state and self._minutes.get(id(alarm)) != minute:
            self._alarms.stay(alarm, verdict, data)
        self._minutes[id(alarm)] = minute


def _reason_data(made: WatchedAlarm, verdict: Verdict, now: datetime) -> str:
    """StateReasonData. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    query = made.queries.get(made.watched)
    points = verdict.datapoints
    oldest = points[-1].start if points else now - timedelta(seconds=made.period_seconds)
    data = {
        "version": "1.0",
        "queryDate": _timestamp(now),
        "startDate": _timestamp(oldest),
        "period": made.period_seconds,
        "recentDatapoints": [point.value for point in reversed(points)],
        "threshold": made.rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": _timestamp(point.start), "sampleCount": point.sample_count, "value": point.value}
            for point in points
        ],
    }
    if query is not None:
        data["statistic"] = query.statistic
    return json.dumps(data)


def _timestamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
