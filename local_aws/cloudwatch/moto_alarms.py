"""moto's alarms with what they lack: a state that begins with INSUFFICIENT_DATA and survives a new configuration,
refusal of what is not evaluated here, history, and actions when the state changes.

Written against moto 5.2: it creates alarms as OK, keeps no history that can be asked for, and executes no actions.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from .alarm_request import InvalidAlarmError, watched_alarm
from .alarm_rule import COMPARISONS, Verdict
from .history import HistoryItem, InvalidTokenError, created, deleted, page
from .metric_math import UnsupportedExpressionError
from .notifications import Transition
from .statistics import UnsupportedStatisticError
from .watched_alarm import UnsupportedAlarmError, WatchedAlarm

_HISTORY_LENGTH = 10_000
_UNSUPPORTED = (UnsupportedAlarmError, UnsupportedExpressionError, UnsupportedStatisticError)
_STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "state_transitioned_timestamp")

_put_metric_alarm = CloudWatchResponse.put_metric_alarm
_delete_alarms = CloudWatchResponse.delete_alarms
_initialize_alarm = Alarm.__init__


def watched(alarm: Alarm) -> WatchedAlarm:
    """What the evaluator needs of an alarm that was put while `MotoAlarms` was installed."""
    return alarm.watched


def history(backend: CloudWatchBackend) -> deque[HistoryItem]:
    """The backend's own attribute, so that moto's reset empties it."""
    return backend.__dict__.setdefault("alarm_history", deque(maxlen=_HISTORY_LENGTH))


@dataclass(frozen=True)
class AlarmFacts:
    """An alarm for people: what it watches in words, its state, why, and since when."""

    name: str
    condition: str
    state: str
    reason: str
    since: datetime


class MotoAlarms:
    """Puts itself between moto's CloudWatch and its callers, for this process. `act` is called for each transition
    whose alarm has its actions enabled; it must not block."""

    def __init__(self, backend: Callable[[], CloudWatchBackend], act: Callable[[Transition], None]) -> None:
        self._backend = backend
        self._act = act
        self._lock = threading.Lock()

    def install(self) -> None:
        CloudWatchResponse.put_metric_alarm = _method(self._put)
        CloudWatchResponse.delete_alarms = _method(self._delete)
        CloudWatchResponse.describe_alarm_history = _method(self._describe_history)
        Alarm.__init__ = _begin
        Alarm.update_state = _method(self._update_state)

    def all(self) -> list[Alarm]:
        return [alarm for alarm in list(self._backend().alarms.values()) if hasattr(alarm, "watched")]

    def facts(self) -> list[AlarmFacts]:
        return sorted((_facts(alarm) for alarm in self.all()), key=lambda facts: facts.name)

    def states(self, names: list[str]) -> dict[str, str]:
        alarms = self._backend().alarms
        return {name: alarms[name].state_value for name in names if name in alarms}

    def apply(self, alarm: Alarm, verdict: Verdict, reason_data: str, seen_state: str) -> None:
        """Set what an evaluation came to, unless somebody else set the state meanwhile."""
        if verdict.state != seen_state and alarm.state_value == seen_state:
            alarm.update_state(verdict.reason, reason_data, verdict.state)

    def stay(self, alarm: Alarm, verdict: Verdict, reason_data: str) -> None:
        """Another minute in which an evaluation left the alarm in its state."""
        if alarm.state_value == verdict.state and alarm.actions_enabled and hasattr(alarm, "request"):
            alarm.state_reason, alarm.state_reason_data = verdict.reason, reason_data
            self._act(_transition(alarm, verdict.state, _now()))

    def add_to_history(self, item: HistoryItem) -> None:
        history(self._backend()).append(item)

    def _put(self, response: CloudWatchResponse) -> Any:
        request = dict(response.params)
        try:
            made = watched_alarm(request)
        except InvalidAlarmError as error:
            raise ValidationError(str(error)) from error
        except _UNSUPPORTED as error:
            raise InvalidParameterValue(str(error)) from error
        with self._lock:
            previous = response.cloudwatch_backend.alarms.get(request["AlarmName"])
            answer = _put_metric_alarm(response)
            alarm = response.cloudwatch_backend.alarms[request["AlarmName"]]
            alarm.watched, alarm.request = made, request
            if previous is not None:
                for name in _STATE:
                    setattr(alarm, name, getattr(previous, name))
        shown = {key: value for key, value in request.items() if key != "Tags"}
        self.add_to_history(created(alarm.name, _now(), shown, new=previous is None))
        return answer

    def _delete(self, response: CloudWatchResponse) -> Any:
        names = [name for name in response.params.get("AlarmNames", ()) if name in response.cloudwatch_backend.alarms]
        answer = _delete_alarms(response)
        for name in names:
            self.add_to_history(deleted(name, _now()))
        return answer

    def _describe_history(self, response: CloudWatchResponse) -> ActionResult:
        try:
            return ActionResult(page(list(history(response.cloudwatch_backend)), response.params))
        except InvalidTokenError as error:
            raise InvalidParameterValue(str(error)) from error

    def _update_state(self, alarm: Alarm, reason: str, reason_data: str | None, state: str) -> None:
        moment = _now()
        with self._lock:
            old, before = alarm.state_value, _state(alarm)
            alarm.state_value, alarm.state_reason, alarm.state_reason_data = state, reason, reason_data
            alarm.state_updated_timestamp = moment.replace(tzinfo=None)
            if old != state:
                alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
        if old == state:
            return
        data = {"version": "1.0", "oldState": before, "newState": _state(alarm)}
        self.add_to_history(
            HistoryItem(alarm.name, moment, "StateUpdate", f"Alarm updated from {old} to {state}", data)
        )
        if alarm.actions_enabled and hasattr(alarm, "request"):  # moto makes some itself
            self._act(_transition(alarm, old, moment))


def _transition(alarm: Alarm, old: str, moment: datetime) -> Transition:
    """From the state `old` to the one that the alarm is in."""
    configuration = {**alarm.request, "AlarmConfigurationUpdatedTimestamp": alarm.configuration_updated_timestamp}
    return Transition(configuration, old, alarm.state_value, alarm.state_reason, moment, alarm.state_reason_data)


def _number(value: float) -> str:
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def _facts(alarm: Alarm) -> AlarmFacts:
    made = watched(alarm)
    rule, query = made.rule, made.queries.get(made.watched)
    subject = f"{query.metric} {query.statistic}" if query is not None else f"expression {made.watched}"
    dimensions = ", ".join(value for _, value in sorted(query.dimensions)) if query is not None else ""
    return AlarmFacts(
        name=alarm.name,
        condition=f"{subject} {f'of {dimensions} ' if dimensions else ''}is {COMPARISONS[rule.comparison][1]} "
        f"{_number(rule.threshold)} in {rule.datapoints_to_alarm} of {rule.evaluation_periods} periods of "
        f"{made.period_seconds} s",
        state=alarm.state_value,
        reason=alarm.state_reason or "",
        since=(alarm.state_transitioned_timestamp or alarm.state_updated_timestamp).replace(tzinfo=UTC),
    )


def _method(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` as a class's attribute: a bound method would not be given the object that it is called on."""

    def method(subject: Any, *arguments: Any) -> Any:
        return call(subject, *arguments)

    return method


def _begin(alarm: Alarm, *arguments: Any, **members: Any) -> None:
    _initialize_alarm(alarm, *arguments, **members)
    alarm.state_value = "INSUFFICIENT_DATA"
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp


def _state(alarm: Alarm) -> dict[str, Any]:
    return {"stateValue": alarm.state_value, "stateReason": alarm.state_reason}


def _now() -> datetime:
    return datetime.now(UTC)
