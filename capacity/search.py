"""Finds how many instances of a type reach the goals.

Formulas rule out what cannot do: a load above the goal's share of the workers, and a hit ratio by Che's approximation
that misses the goal clearly. What is left is simulated, one instance more at a time, until the goals are reached.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from capacity.che import hit_ratio
from capacity.design import Design, Kind
from capacity.fleet import Behaviour
from capacity.instance_types import InstanceType
from capacity.measures import Goals, measure
from capacity.profiles import Profiles, service_times
from capacity.simulation import simulate
from capacity.trace import Trace

_CHE_TOLERANCE = 0.01
_GIVE_UP_AFTER = 6


@dataclass(frozen=True)
class Conditions:
    """What holds for every design that is tried.

    Attributes:
        server_bytes: the model server without models, on each instance.
        disk_bytes: of each instance, for artifacts.
        warm_up: share of the trace that no figure counts.
        maximum_instances: of one endpoint.
    """

    goals: Goals
    behaviour: Behaviour
    server_bytes: int
    disk_bytes: int
    warm_up: float = 0.1
    maximum_instances: int = 20


def evaluate(
    trace: Trace, profiles: Profiles, instance_type: InstanceType, count: int, conditions: Conditions
) -> Design:
    """One endpoint with `count` instances, simulated."""
    fleet = instance_type.fleet(count, conditions.server_bytes, conditions.disk_bytes)
    outcome = simulate(trace, profiles, fleet, conditions.behaviour)
    measures = measure(trace, outcome, fleet, conditions.warm_up)
    shortfalls = conditions.goals.shortfalls(measures)
    if outcome.too_large:
        shortfalls = (f"{len(outcome.too_large):,} models need more memory than an instance has", *shortfalls)
    return Design(Kind.SHARED, instance_type.name, 1, count, count * instance_type.monthly, measures, shortfalls)


def designs_of(
    trace: Trace, profiles: Profiles, instance_type: InstanceType, conditions: Conditions
) -> Iterator[Design]:
    """One endpoint with more and more instances, up to the first that reaches the goals and one more."""
    first = fewest_instances(trace, profiles, instance_type, conditions)
    last = min(first + _GIVE_UP_AFTER, conditions.maximum_instances)
    for count in range(first, last + 1):
        design = evaluate(trace, profiles, instance_type, count, conditions)
        yield design
        if design.reaches_goals:
            if count < last:
                yield evaluate(trace, profiles, instance_type, count + 1, conditions)
            return


def fewest_instances(trace: Trace, profiles: Profiles, instance_type: InstanceType, conditions: Conditions) -> int:
    """The smallest number that the formulas do not rule out; never above the maximum."""
    goals, limit = conditions.goals, conditions.maximum_instances
    work = float(service_times(trace, profiles).sum()) / max(trace.span_seconds, 1e-9)
    by_load = math.ceil(work / (instance_type.vcpus * goals.utilisation))
    count = min(max(goals.minimum_instances, by_load, 1), limit)
    memory = instance_type.model_bytes(conditions.server_bytes)
    rates = trace.counts() / max(trace.span_seconds, 1e-9)
    while count < limit and hit_ratio(rates, profiles.memory_bytes, memory * count) < goals.hit_ratio - _CHE_TOLERANCE:
        count += 1
    return count
