"""The result of a run: a table for people, JSON for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram
from rich.console import Console
from rich.table import Table

from examples.load_test.recorder import Recorder, Series, milliseconds
from examples.load_test.runner import Outcome

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
_LATE_MILLISECONDS = 10.0
"""Later than this at the 99th percentile, and the program itself is part of the latencies it shows."""
_MODELS_SHOWN = 5
RESULT_VERSION = 1


@dataclass(frozen=True)
class CacheHits:
    """What CloudWatch has of the minutes of the run, of all callers together."""

    invocations: int
    hits: int

    @property
    def misses(self) -> int:
        return self.invocations - self.hits


@dataclass(frozen=True)
class Plan:
    """What was to be done."""

    endpoint: str
    arrivals: str
    models: int
    seconds: float
    warm_up_seconds: float
    connections: int
    seed: int
    estimated_cost: float | None = None


@dataclass(frozen=True)
class Result:
    """A run that has ended."""

    plan: Plan
    outcome: Outcome
    recorder: Recorder
    cache: CacheHits | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def late(self) -> bool:
        """Whether this program sent requests late, for want of processor time."""
        return (milliseconds(self.recorder.dispatch_late, 99) or 0) > _LATE_MILLISECONDS


def document(result: Result) -> dict[str, Any]:
    """The result as JSON. Histograms are HdrHistogram's V2 format, so that runs can be added."""
    recorder = result.recorder
    return {
        "result_version": RESULT_VERSION,
        "plan": asdict(result.plan),
        "outcome": asdict(result.outcome),
        "measured": _series(recorder.measured),
        "warm_up": _series(recorder.warm_up),
        "lateness_ms": {"dispatch": _latencies(recorder.dispatch_late), "sending": _latencies(recorder.sending_late)},
        "late": result.late,
        "cloudwatch": None if result.cache is None else asdict(result.cache),
        "notes": list(result.notes),
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "sent": series.sent,
        "answered": series.answered,
        "errors": dict(series.errors),
        "latency_ms": {
            "all": _latencies(series.all()),
            "warm": _latencies(series.warm),
            "cold": _latencies(series.cold),
        },
        "histograms": {"warm": _encoded(series.warm), "cold": _encoded(series.cold)},
        "models": {
            name: {"sent": sent, "cold": cold, "errors": errors}
            for name, (sent, cold, errors) in sorted(series.models.items(), key=lambda item: (-item[1][0], item[0]))
        },
    }


def _encoded(of: HdrHistogram) -> str:
    return bytes(of.encode()).decode("ascii")


def _latencies(of: HdrHistogram) -> dict[str, float | int | None]:
    found = {f"p{percentile:g}": milliseconds(of, percentile) for percentile in PERCENTILES}
    return {"count": of.get_total_count(), **found, "max": milliseconds(of, 100)}


def show(result: Result, console: Console) -> None:
    """Print the tables and what they do not say by themselves."""
    measured, outcome = result.recorder.measured, result.outcome
    console.print()
    console.print(_table(measured))
    console.print(_health(result), markup=False, highlight=False, soft_wrap=True)
    for kind, count in measured.errors.most_common():
        console.print(f"errors: {count} x {kind}", markup=False, highlight=False, soft_wrap=True)
    busiest = sorted(measured.models.items(), key=lambda item: (-item[1][0], item[0]))[:_MODELS_SHOWN]
    if busiest:
        names = ", ".join(f"{name} ({sent})" for name, (sent, _, _) in busiest)
        console.print(
            f"models: {len(measured.models)} called, most often {names}", markup=False, highlight=False, soft_wrap=True
        )
    if result.cache is not None:
        console.print(
            f"CloudWatch, minutes of the run, all callers: {result.cache.invocations} invocations, "
            f"{result.cache.misses} found their model not loaded",
            highlight=False,
            soft_wrap=True,
        )
    for note in (*((f"ended early: {outcome.stopped}",) if outcome.stopped else ()), *result.notes):
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _table(series: Series) -> Table:
    table = Table(title="Latency in milliseconds, from the moment a request was due", title_justify="left")
    table.add_column("answers")
    table.add_column("count", justify="right")
    for percentile in PERCENTILES:
        table.add_column(f"p{percentile:g}", justify="right")
    table.add_column("max", justify="right")
    for name, of in (("warm", series.warm), ("cold", series.cold), ("all", series.all())):
        cells = [_number(milliseconds(of, percentile)) for percentile in (*PERCENTILES, 100)]
        table.add_row(name, f"{of.get_total_count():,}", *cells)
    return table


def _health(result: Result) -> str:
    measured = result.recorder.measured
    seconds = max(min(result.outcome.seconds, result.plan.seconds) - result.plan.warm_up_seconds, 0.001)
    text = (
        f"{measured.sent:,} requests in {seconds:.1f} s ({measured.sent / seconds:.1f} a second), "
        f"{measured.failed:,} errors. Requests were sent "
        f"{_number(milliseconds(result.recorder.sending_late, 99))} ms late at p99, of which this program took "
        f"{_number(milliseconds(result.recorder.dispatch_late, 99))} ms"
    )
    if result.late:
        return f"{text}: too slow for this rate on this machine. Latencies include it; lower --rate."
    return f"{text}."


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
