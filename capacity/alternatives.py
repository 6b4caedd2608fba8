"""What one shared endpoint is compared with: an endpoint for each model, and shards."""

import math
from collections import Counter
from collections.abc import Sequence
from heapq import heapreplace

import numpy as np

from capacity.design import Design, Kind
from capacity.instance_types import InstanceType
from capacity.measures import measures_of
from capacity.profiles import Profiles, service_times
from capacity.search import Conditions, evaluate, fewest_instances
from capacity.simulation import simulate
from capacity.trace import Floats, Trace
from stacks.settings import ShardLayout
from stacks.shards import shard_of


def separate_endpoints(
    trace: Trace, profiles: Profiles, types: Sequence[InstanceType], conditions: Conditions
) -> Design | None:
    """An endpoint of its own for each model, of the type and count that cost least; always loaded, never cold.

    Returns:
        The design; None if a model fits on none of the types.
    """
    goals = conditions.goals
    services = service_times(trace, profiles)
    work = np.bincount(trace.models, services, len(profiles)) / max(trace.span_seconds, 1e-9)
    workers, used, monthly = np.zeros(len(profiles), dtype=np.int64), Counter[str](), 0.0
    for model, memory in enumerate(profiles.memory_bytes.tolist()):
        choices = [
            (count * kind.monthly, count, kind)
            for kind in types
            if kind.model_bytes(conditions.server_bytes) >= memory
            for count in [max(goals.minimum_instances, math.ceil(work[model] / (kind.vcpus * goals.utilisation)), 1)]
        ]
        if not choices:
            return None
        cost, count, kind = min(choices, key=lambda choice: choice[:2])
        monthly += cost
        used[kind.name] += count
        workers[model] = count * kind.vcpus
    latency = _queue_for_each_model(trace, services, workers.tolist()) + conditions.behaviour.overhead_seconds
    measures = measures_of(
        latency,
        services,
        np.zeros(len(trace), dtype=bool),
        after=trace.seconds >= trace.span_seconds * conditions.warm_up,
        utilisation=float(work.sum() / workers.sum()),
        loads_per_hour=0.0,
    )
    name, total = used.most_common(1)[0][0], used.total()
    return Design(Kind.SEPARATE, name, len(profiles), total, monthly, measures, goals.shortfalls(measures))


def sharded(trace: Trace, profiles: Profiles, kind: InstanceType, shards: int, conditions: Conditions) -> Design:
    """Several endpoints of one type, each with some of the models (stacks.shards), and as few instances as do."""
    layout = ShardLayout(count=shards)
    shard = np.array([shard_of(name, layout) for name in trace.names])
    latency, cold = np.full(len(trace), np.nan), np.ones(len(trace), dtype=bool)
    instances, busy, loads = 0, 0.0, 0
    for number in range(1, shards + 1):
        keep = (shard == number)[trace.models]
        part = trace.select(keep)
        if not len(part):
            instances += conditions.goals.minimum_instances
            continue
        count = _fewest(part, profiles, kind, conditions)
        outcome = simulate(
            part, profiles, kind.fleet(count, conditions.server_bytes, conditions.disk_bytes), conditions.behaviour
        )
        latency[keep], cold[keep] = outcome.latency_seconds, outcome.cold
        instances, busy, loads = instances + count, busy + outcome.busy_seconds, loads + outcome.loads
    span = max(trace.span_seconds, 1e-9)
    measures = measures_of(
        latency,
        service_times(trace, profiles),
        cold,
        after=trace.seconds >= trace.span_seconds * conditions.warm_up,
        utilisation=busy / (span * instances * kind.vcpus),
        loads_per_hour=loads * 3600 / span,
    )
    return Design(
        Kind.SHARDS,
        kind.name,
        shards,
        instances,
        instances * kind.monthly,
        measures,
        conditions.goals.shortfalls(measures),
    )


def _fewest(part: Trace, profiles: Profiles, kind: InstanceType, conditions: Conditions) -> int:
    """Instances with which a shard reaches the goals by itself, or the most that are allowed."""
    for count in range(fewest_instances(part, profiles, kind, conditions), conditions.maximum_instances):
        if evaluate(part, profiles, kind, count, conditions).reaches_goals:
            return count
    return conditions.maximum_instances


def _queue_for_each_model(trace: Trace, services: Floats, workers: list[int]) -> Floats:
    """Latencies if each model has its own queue and workers, first come, first served."""
    free = [[float("-inf")] * count for count in workers]
    latency = []
    for now, model, seconds in zip(trace.seconds.tolist(), trace.models.tolist(), services.tolist(), strict=True):
        heap = free[model]
        start = max(heap[0], now)
        heapreplace(heap, start + seconds)
        latency.append(start + seconds - now)
    return np.array(latency)
