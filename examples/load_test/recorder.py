"""What a run measured: latencies in HDR histograms, errors by kind, how late requests left.

Latency counts from the moment a request was due, not from the moment it was sent. A request that had to wait for a free
connection, because the endpoint held all of them, waited all the same.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter

from hdrh.histogram import HdrHistogram

LONGEST_SECONDS = 120
"""Longer latencies count as this: InvokeEndpoint ends after 60 s."""
_MICROSECONDS = 1_000_000
_DIGITS = 3


def histogram() -> HdrHistogram:
    """An empty one, in microseconds from 1 to `LONGEST_SECONDS`, exact to three digits."""
    return HdrHistogram(1, LONGEST_SECONDS * _MICROSECONDS, _DIGITS)


def milliseconds(of: HdrHistogram, percentile: float) -> float | None:
    """A percentile; None of an empty histogram."""
    return of.get_value_at_percentile(percentile) / 1000 if of.get_total_count() else None


class Series:
    """The requests of one phase of the run."""

    def __init__(self) -> None:
        self.sent = 0
        self.errors: Counter[str] = Counter()
        self.cold = histogram()
        self.warm = histogram()
        self.models: dict[str, list[int]] = {}
        """Of each model the numbers of requests, cold answers and errors."""

    @property
    def answered(self) -> int:
        return int(self.cold.get_total_count() + self.warm.get_total_count())

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def all(self) -> HdrHistogram:
        """Cold and warm answers together."""
        both = histogram()
        both.add(self.cold)
        both.add(self.warm)
        return both


class Recorder:
    """Collects from many threads. `warm_up`: what is due before so many seconds counts apart."""

    def __init__(self, warm_up: float) -> None:
        self.warm_up = Series()
        self.measured = Series()
        self.sending_late = histogram()
        """From when a request was due until it was sent, all of the measured ones."""
        self.dispatch_late = histogram()
        """The part of it that this program needed before the request stood in line for a connection."""
        self.due, self.latency, self.is_cold = array("d"), array("d"), array("b")
        """One entry for each answer of the whole run, in seconds: for a picture of its course."""
        self._warm_up_seconds = warm_up
        self._lock = threading.Lock()
        self.failures_in_a_row = 0

    def record(
        self, model: str, *, due: float, dispatched: float, sent: float, done: float, error: str | None, cold: bool
    ) -> None:
        """One request that came to its end. Times are seconds after the start."""
        latency = done - due
        with self._lock:
            measured = due >= self._warm_up_seconds
            series = self.measured if measured else self.warm_up
            series.sent += 1
            counts = series.models.setdefault(model, [0, 0, 0])
            counts[0] += 1
            if measured:
                self.sending_late.record_value(_microseconds(sent - due))
                self.dispatch_late.record_value(_microseconds(dispatched - due))
            if error is not None:
                series.errors[error] += 1
                counts[2] += 1
                self.failures_in_a_row += 1
                return
            self.failures_in_a_row = 0
            (series.cold if cold else series.warm).record_value(_microseconds(latency))
            counts[1] += cold
            self.due.append(due)
            self.latency.append(latency)
            self.is_cold.append(cold)


def _microseconds(seconds: float) -> int:
    return min(max(round(seconds * _MICROSECONDS), 1), LONGEST_SECONDS * _MICROSECONDS)
