"""The metrics of the last fifteen minutes as the page shows them, and their totals since the start."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..cloudwatch.samples import Recorded
from ..cloudwatch.statistics import Distribution, statistic
from ..sagemaker.metrics import INVOCATIONS

BIN_SECONDS = 5
BINS = 180
_ERRORS = ("Invocation4XXErrors", "Invocation5XXErrors")


@dataclass
class _Bin:
    """What one endpoint's metrics got in five seconds."""

    latencies: list[Distribution] = field(default_factory=list)
    errors: float = 0.0
    shown: dict[str, Any] | None = None
    """What was made of it, until something is added: percentiles of many values cost their time."""


class RecentMetrics:
    """Takes what is recorded for CloudWatch. `clock`: seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._totals: dict[tuple[str, str], float] = {}
        self._bins: dict[str, dict[int, _Bin]] = {}

    def record(self, recorded: Iterable[Recorded]) -> None:
        oldest = int(self._clock() / BIN_SECONDS) - BINS
        with self._lock:
            for one in recorded:
                if one.namespace == INVOCATIONS:
                    self._add(one)
            for bins in self._bins.values():
                for number in [number for number in bins if number < oldest]:
                    del bins[number]

    def totals(self, endpoint: str) -> dict[str, int]:
        """Invocations, errors, and hits and misses of loaded models."""

        def total(metric: str) -> int:
            return round(self._totals.get((endpoint, metric), 0))

        with self._lock:
            return {
                "invocations": total("Invocations"),
                "client_errors": total("Invocation4XXErrors"),
                "server_errors": total("Invocation5XXErrors"),
                "hits": total("ModelCacheHit"),
                "misses": round(self._totals.get((endpoint, "lookups"), 0)) - total("ModelCacheHit"),
            }

    def latency(self, endpoint: str) -> list[dict[str, Any]]:
        """ModelLatency of the last 15 minutes in steps of five, oldest first; steps without requests are left out."""
        oldest = int(self._clock() / BIN_SECONDS) - BINS
        with self._lock:
            bins = self._bins.get(endpoint, {})
            return [_shown(number, bins[number]) for number in sorted(bins) if number > oldest]

    def _add(self, one: Recorded) -> None:
        endpoint, values = one.dimensions["EndpointName"], one.sample.values
        key = (endpoint, one.metric)
        self._totals[key] = self._totals.get(key, 0) + values.total
        if one.metric == "ModelCacheHit":
            lookups = (endpoint, "lookups")
            self._totals[lookups] = self._totals.get(lookups, 0) + values.count
        if one.metric != "ModelLatency" and one.metric not in _ERRORS:
            return
        number = int(one.sample.at.timestamp() / BIN_SECONDS)
        found = self._bins.setdefault(endpoint, {}).setdefault(number, _Bin())
        found.shown = None
        if one.metric == "ModelLatency":
            found.latencies.append(values)
        else:
            found.errors += values.total


def _shown(number: int, found: _Bin) -> dict[str, Any]:
    if found.shown is None:
        p50, p99 = (statistic(name, found.latencies) for name in ("p50", "p99"))
        found.shown = {
            "at": number * BIN_SECONDS,
            "requests": sum(part.count for part in found.latencies),
            "errors": round(found.errors),
            "p50_ms": None if p50 is None else p50 / 1000,
            "p99_ms": None if p99 is None else p99 / 1000,
        }
    return found.shown
