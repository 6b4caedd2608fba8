"""CloudWatch's metrics and alarms, put together."""

from collections.abc import Callable

from .actions import AlarmActions, Scale, publish_with_moto
from .evaluator import AlarmEvaluator
from .moto_alarms import AlarmFacts, MotoAlarms, history
from .store import MetricStore


class CloudWatch:
    """Alarms of this process's moto, evaluated while it runs.

    Args:
        store: where metrics are.
        scale: invokes a scaling policy.
        collect: sends metrics that are not in the store yet; called before each evaluation.
        time_factor: how long a second of an alarm's periods takes (1: a second).
    """

    def __init__(self, store: MetricStore, scale: Scale, collect: Callable[[], None], time_factor: float = 1.0) -> None:
        actions = AlarmActions(publish_with_moto, scale, lambda item: history(store.backend()).append(item))
        self._alarms = MotoAlarms(store.backend, actions.execute)
        self._evaluator = AlarmEvaluator(self._alarms, store.read, collect, time_factor)

    def start(self) -> None:
        self._alarms.install()
        self._evaluator.start()

    def stop(self) -> None:
        self._evaluator.stop()

    def alarms(self) -> list[AlarmFacts]:
        """Every metric alarm as it is now, by name."""
        return self._alarms.facts()

    def states(self, names: list[str]) -> dict[str, str]:
        """The state of each alarm of `names` that exists: OK, ALARM or INSUFFICIENT_DATA."""
        return self._alarms.states(names)
