"""All that a plan comes to: what was asked, what was tried, what to take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from capacity.alternatives import separate_endpoints, sharded
from capacity.design import Design
from capacity.errors import CapacityError
from capacity.growth import Growth, busiest_minute_rate, grow
from capacity.instance_types import InstanceType
from capacity.profiles import Profiles
from capacity.recommendation import Recommendation, growth_sentence, recommend
from capacity.search import Conditions, designs_of
from capacity.trace import Trace


@dataclass(frozen=True)
class ObservedLoad:
    """The trace in a few figures. Rates are invocations a second."""

    invocations: int
    models: int
    span_seconds: float
    rate: float
    peak_rate: float
    all_models_bytes: int


@dataclass(frozen=True)
class Settings:
    """What the recommendation becomes in an environment of cdktf.json."""

    instance_type: str
    initial_instance_count: int
    minimum_instance_count: int
    maximum_instance_count: int
    target_invocations_per_instance_per_minute: int


@dataclass(frozen=True)
class Report:
    """A plan. `shared` and `others` are designs that were simulated; `settings` are those of the recommendation."""

    workload: ObservedLoad
    conditions: Conditions
    region: str
    currency: str
    prices: str
    assumptions: tuple[str, ...]
    shared: tuple[Design, ...]
    others: tuple[Design, ...]
    recommendation: Recommendation
    growth: Growth
    settings: Settings


@dataclass(frozen=True)
class Question:
    """What a plan is to answer.

    Attributes:
        types: the instance types to try, at least one.
        shards: numbers of shards to compare with.
        safety: share of what an instance takes that the scaling target holds it at.
        at_most: of a longer trace, only the busiest part with so many invocations is simulated.
        region, currency, prices: which prices these are, and where they come from, in words.
        notes: assumptions beside those of the profiles.
    """

    trace: Trace
    profiles: Profiles
    types: Sequence[InstanceType]
    conditions: Conditions
    shards: Sequence[int]
    safety: float
    at_most: int
    region: str
    currency: str
    prices: str
    notes: tuple[str, ...] = ()


def answer(question: Question, progress: Callable[[str], None]) -> Report:
    """Simulate, compare, recommend. `progress` gets a line for each step.

    Raises:
        CapacityError: the trace says nothing about time.
    """
    whole, profiles, conditions = question.trace, question.profiles, question.conditions
    notes, currency = question.notes, question.currency
    if whole.span_seconds <= 0:
        raise CapacityError("The trace has no two invocations at different times, so that it has no rate.")
    trace = busiest_part(whole, question.at_most)
    if len(trace) < len(whole):
        notes = (*notes, f"Only the busiest {len(trace):,} of {len(whole):,} invocations in a row are simulated.")
    shared: list[Design] = []
    for kind in question.types:
        progress(f"{kind.name}: one endpoint for all models")
        shared += designs_of(trace, profiles, kind, conditions)
    best = recommend(shared, (), currency).design
    kind = next(item for item in question.types if item.name == best.instance_type)
    progress("one endpoint for each model")
    separate = separate_endpoints(trace, profiles, question.types, conditions)
    others = [] if separate is None else [separate]
    for count in question.shards:
        progress(f"{kind.name}: {count} shards")
        others.append(sharded(trace, profiles, kind, count, conditions))
    progress(f"{best.label}: more load")
    growth = grow(trace, profiles, kind, best, conditions)
    chosen = recommend(shared, others, currency)
    reasons = (*chosen.reasons, growth_sentence(growth, best))
    return Report(
        workload=_workload(whole, profiles),
        conditions=conditions,
        region=question.region,
        currency=currency,
        prices=question.prices,
        assumptions=(*profiles.assumptions, *notes),
        shared=tuple(shared),
        others=tuple(others),
        recommendation=Recommendation(chosen.design, chosen.runner_up, reasons),
        growth=growth,
        settings=_settings(best, growth, conditions, question.safety),
    )


def busiest_part(trace: Trace, at_most: int) -> Trace:
    """The `at_most` invocations in a row that came in the shortest time; the trace itself if it has no more."""
    if len(trace) <= at_most:
        return trace
    spans = trace.seconds[at_most - 1 :] - trace.seconds[: len(trace) - at_most + 1]
    begin = int(spans.argmin())
    keep = np.zeros(len(trace), dtype=bool)
    keep[begin : begin + at_most] = True
    part = trace.select(keep)
    return Trace(part.names, part.seconds - part.seconds[0], part.models, part.request_bytes, part.service_seconds)


def _workload(trace: Trace, profiles: Profiles) -> ObservedLoad:
    return ObservedLoad(
        len(trace),
        len(trace.names),
        trace.span_seconds,
        trace.rate,
        busiest_minute_rate(trace),
        profiles.total_memory_bytes,
    )


def _settings(best: Design, growth: Growth, conditions: Conditions, safety: float) -> Settings:
    """Scaling goes from the recommended count to twice that: fewer instances would have less memory for models."""
    return Settings(
        best.instance_type,
        best.instances,
        max(best.instances, conditions.goals.minimum_instances),
        best.instances * 2,
        growth.scaling_target(safety),
    )
