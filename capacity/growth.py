"""How much load a design takes before it misses its goals, and the scaling target that follows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capacity.design import Design
from capacity.instance_types import InstanceType
from capacity.profiles import Profiles
from capacity.search import Conditions, evaluate
from capacity.trace import Trace

_FACTORS = (1.5, 2.0, 3.0, 4.0)
_HALVINGS = 3
_MINUTE = 60.0


@dataclass(frozen=True)
class Growth:
    """What more load does.

    Attributes:
        designs: the design at multiples of the load, by factor, the first at 1.
        factor: the most load that still reaches the goals, as a multiple of the trace's; 1 if none more does.
        peak_rate: invocations a second in the trace's busiest minute.
        rate_per_instance: those that one instance takes, at `factor`.
    """

    designs: dict[float, Design]
    factor: float
    peak_rate: float
    rate_per_instance: float

    def scaling_target(self, safety: float) -> int:
        """SageMakerVariantInvocationsPerInstance: invocations a minute that each instance is held at, 1 or more.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html has the formula.
        """
        return max(1, round(self.rate_per_instance * _MINUTE * safety))


def grow(trace: Trace, profiles: Profiles, kind: InstanceType, design: Design, conditions: Conditions) -> Growth:
    """Simulate `design`, one endpoint of type `kind`, under more and more load."""
    designs = {1.0: design}

    def reaches(factor: float) -> bool:
        designs[factor] = evaluate(trace.faster(factor), profiles, kind, design.instances, conditions)
        return designs[factor].reaches_goals

    factor = _largest(reaches) if design.reaches_goals else 1.0
    if 2.0 not in designs:
        reaches(2.0)
    peak = busiest_minute_rate(trace)
    return Growth(dict(sorted(designs.items())), factor, peak, peak * factor / design.instances)


def busiest_minute_rate(trace: Trace) -> float:
    """Invocations a second in the busiest minute that begins with an invocation."""
    if trace.span_seconds <= _MINUTE:
        return trace.rate
    ends = np.searchsorted(trace.seconds, trace.seconds + _MINUTE, side="left")
    return float((ends - np.arange(len(trace))).max()) / _MINUTE


def _largest(reaches: Callable[[float], bool]) -> float:
    """The largest factor that reaches the goals, to about a tenth."""
    low, high = 1.0, None
    for factor in _FACTORS:
        if not reaches(factor):
            high = factor
            break
        low = factor
    if high is None:
        return low
    for _ in range(_HALVINGS):
        middle = round((low + high) / 2, 3)
        low, high = (middle, high) if reaches(middle) else (low, middle)
    return low
