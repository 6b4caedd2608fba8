"""What the callers of an endpoint would see, in a few figures, and what they should see."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from capacity.fleet import Fleet
from capacity.simulation import Outcome
from capacity.trace import Floats, Trace


@dataclass(frozen=True)
class Measures:
    """Figures over the invocations after the warm-up. Seconds; shares from 0 to 1; None if there is nothing to measure.

    Attributes:
        hit_ratio: share of invocations whose model was loaded.
        failed: share that got no answer.
        cold_p50, cold_p99: latency of those that waited for a load.
        mean_wait: of warm invocations for a worker.
        utilisation: share of the workers' time at work, loads included, over the whole trace.
        loads_per_hour: of all instances.
    """

    hit_ratio: float
    failed: float
    p50: float | None
    p95: float | None
    p99: float | None
    cold_p50: float | None
    cold_p99: float | None
    mean_wait: float | None
    utilisation: float
    loads_per_hour: float

    @property
    def cold_rate(self) -> float:
        return 1 - self.hit_ratio


@dataclass(frozen=True)
class Goals:
    """What a design has to reach.

    Attributes:
        p99_seconds: upper bound of the 99th percentile of all answered invocations.
        hit_ratio: lower bound.
        failed: upper bound of the share that fails.
        utilisation: upper bound: an instance that is lost leaves its share to the others.
        minimum_instances: of each endpoint.
    """

    p99_seconds: float = 1.0
    hit_ratio: float = 0.99
    failed: float = 0.0
    utilisation: float = 0.7
    minimum_instances: int = 1

    def shortfalls(self, measures: Measures) -> tuple[str, ...]:
        """What is missed, in words; nothing if all goals are reached."""
        p99 = measures.p99
        missed = (
            (measures.failed > self.failed, f"{measures.failed:.2%} of the calls fail"),
            (measures.hit_ratio < self.hit_ratio, f"hit ratio {measures.hit_ratio:.2%}, not {self.hit_ratio:.2%}"),
            (
                p99 is None or p99 > self.p99_seconds,
                "no call is answered" if p99 is None else f"p99 {p99:.3g} s, not {self.p99_seconds:.3g} s",
            ),
            (
                measures.utilisation > self.utilisation,
                f"workers are busy {measures.utilisation:.0%} of the time, not {self.utilisation:.0%}",
            ),
        )
        return tuple(words for is_missed, words in missed if is_missed)


def measure(trace: Trace, outcome: Outcome, fleet: Fleet, warm_up: float) -> Measures:
    """The figures of an outcome. `warm_up` is the share of the trace's span, from its start, that is left out."""
    return measures_of(
        outcome.latency_seconds,
        outcome.service_seconds,
        outcome.cold,
        after=trace.seconds >= trace.span_seconds * warm_up,
        utilisation=_share(outcome.busy_seconds, trace.span_seconds * fleet.instances * fleet.workers),
        loads_per_hour=_share(outcome.loads * 3600, trace.span_seconds),
    )


def measures_of(
    latency: Floats,
    service: Floats,
    cold: "np.ndarray[Any, Any]",
    *,
    after: "np.ndarray[Any, Any]",
    utilisation: float,
    loads_per_hour: float,
) -> Measures:
    """The figures of the invocations where `after` is true. NaN as a latency stands for no answer."""
    latency, service, cold = latency[after], service[after], cold[after]
    answered = ~np.isnan(latency)
    p50, p95, p99 = _quantiles(latency[answered], (0.5, 0.95, 0.99))
    cold_p50, cold_p99 = _quantiles(latency[answered & cold], (0.5, 0.99))
    warm = answered & ~cold
    return Measures(
        hit_ratio=1 - _share(float(cold.sum()), len(cold)),
        failed=1 - _share(float(answered.sum()), len(answered)),
        p50=p50,
        p95=p95,
        p99=p99,
        cold_p50=cold_p50,
        cold_p99=cold_p99,
        mean_wait=float((latency[warm] - service[warm]).mean()) if warm.any() else None,
        utilisation=utilisation,
        loads_per_hour=loads_per_hour,
    )


def _quantiles(values: Floats, shares: tuple[float, ...]) -> list[float | None]:
    if not len(values):
        return [None] * len(shares)
    return [float(value) for value in np.quantile(values, shares)]


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
