"""Replays a trace against a fleet, event by event.

An invocation goes to its model's instance (rendezvous hashing, as the local endpoint does it), or to the next one while
that is busy. A model that is not loaded is downloaded unless the disk has it, waits for memory, for which the least
recently used idle models are unloaded, and is loaded by a worker. Requests then wait in one queue for the instance's
workers, first come, first served. Where memory is full, an instance makes room for one model at a time.

Not simulated: updates, instances that fail, a model's copies in several workers of one instance, and scaling during
a trace. https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html describes what SageMaker
does; it does not say how SageMaker chooses instances.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from itertools import cycle, repeat

import numpy as np
from numpy.typing import NDArray

from capacity.fleet import Behaviour, Fleet
from capacity.instance import Instance
from capacity.profiles import Profiles, service_times
from capacity.trace import Floats, Trace

_CHUNK = 65_536
_DOWNLOADED, _LOADED, _RETRY = range(3)
_SEED = 19
_FAILED = float("nan")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of each invocation, in the order of the trace.

    Attributes:
        latency_seconds: from arrival to answer; NaN for those that fail: the model fits on no instance, is not loaded
            in time, or no worker is free in time.
        service_seconds: the part of it in which a worker was at work on the invocation itself.
        cold: whether it had to wait for its model to be loaded.
        loads, evictions: how often a model was loaded and unloaded.
        busy_seconds: time in which workers worked, loads included.
        peak_bytes: the most memory that models took on one instance.
        too_large: the names of models that fit on no instance.
    """

    latency_seconds: Floats
    service_seconds: Floats
    cold: NDArray[np.bool_]
    loads: int
    evictions: int
    busy_seconds: float
    peak_bytes: int
    too_large: tuple[str, ...]


def simulate(trace: Trace, profiles: Profiles, fleet: Fleet, behaviour: Behaviour) -> Outcome:
    """What the invocations of `trace` meet on an endpoint whose instances begin empty."""
    return _Simulation(trace, profiles, fleet, behaviour).run()


class _Simulation:
    def __init__(self, trace: Trace, profiles: Profiles, fleet: Fleet, behaviour: Behaviour) -> None:
        self._trace = trace
        self._behaviour = behaviour
        self._service = service_times(trace, profiles)
        self._memory: list[int] = profiles.memory_bytes.tolist()
        self._load_seconds: list[float] = profiles.load_seconds.tolist()
        self._artifacts: list[int] = profiles.artifact_bytes.tolist()
        self._too_large = profiles.memory_bytes > fleet.memory_bytes
        self._instances = [
            Instance(fleet.workers, fleet.memory_bytes, fleet.disk_bytes) for _ in range(fleet.instances)
        ]
        self._ranks = np.random.default_rng(_SEED).random((fleet.instances, len(profiles)), dtype=np.float32)
        self._homes: list[int] = self._ranks.argmax(axis=0).tolist()
        self._events: list[tuple[float, int, int, int, int]] = []
        self._event_count = 0
        self._latency = [0.0] * len(trace)
        self._cold: list[int] = []
        self._loading_seconds = 0.0
        self._load_factors = _factors(behaviour.load_variation)

    def run(self) -> Outcome:
        served = ~self._too_large[self._trace.models]
        indices = np.flatnonzero(served)
        for begin in range(0, len(indices), _CHUNK):
            self._replay(indices[begin : begin + _CHUNK])
        self._advance(float("inf"))
        latency = np.array(self._latency) + self._behaviour.overhead_seconds
        latency[~served] = np.nan
        cold = np.zeros(len(self._trace), dtype=bool)
        cold[self._cold] = True
        cold[~served] = True
        return Outcome(
            latency_seconds=latency,
            service_seconds=self._service,
            cold=cold,
            loads=sum(instance.loads for instance in self._instances),
            evictions=sum(instance.evictions for instance in self._instances),
            busy_seconds=float(self._service[~np.isnan(latency)].sum()) + self._loading_seconds,
            peak_bytes=max(instance.peak_bytes for instance in self._instances),
            too_large=tuple(self._trace.names[model] for model in np.flatnonzero(self._too_large).tolist()),
        )

    def _replay(self, indices: NDArray[np.int64]) -> None:
        """The hot path: a warm invocation costs one look-up, and one step of the workers' heap."""
        latency, events, homes, instances = self._latency, self._events, self._homes, self._instances
        spills, patience = len(instances) > 1, self._behaviour.queue_seconds
        columns = (indices, self._trace.seconds[indices], self._trace.models[indices], self._service[indices])
        for index, now, model, seconds in zip(*(column.tolist() for column in columns), strict=True):
            if events and events[0][0] <= now:
                self._advance(now)
            number = homes[model]
            if spills:
                number = self._choose(number, model, now)
            instance = instances[number]
            if model in instance.loaded:
                instance.loaded.move_to_end(model)
                free = instance.free
                start = free[0]
                if start <= now:
                    finish = now + seconds
                elif start - now <= patience:
                    finish = start + seconds
                else:
                    latency[index] = _FAILED
                    continue
                heapreplace(free, finish)
                latency[index] = finish - now
                if finish > instance.busy_until[model]:  # noqa: PLR1730 - max() would be a call for each invocation
                    instance.busy_until[model] = finish
                if spills:
                    heappush(instance.running, finish)
            else:
                self._miss(instance, number, index, model, now)

    def _choose(self, home: int, model: int, now: float) -> int:
        """The model's instance, or the next in its order while that one is busy."""
        limit = self._behaviour.spill_requests
        if self._under_way(home, now) < limit:
            return home
        ranks = self._ranks[:, model]
        return min(range(len(self._instances)), key=lambda n: (self._under_way(n, now) // limit, -ranks[n]))

    def _under_way(self, number: int, now: float) -> int:
        instance = self._instances[number]
        running = instance.running
        while running and running[0] <= now:
            heappop(running)
        return len(running) + instance.waiting_count

    def _miss(self, instance: Instance, number: int, index: int, model: int, now: float) -> None:
        self._cold.append(index)
        instance.waiting_count += 1
        if model in instance.waiting:
            instance.waiting[model].append(index)
            return
        instance.waiting[model] = [index]
        delay = 0.0
        if not instance.take_from_disk(model, self._artifacts[model]):
            behaviour = self._behaviour
            delay = behaviour.download_seconds + self._artifacts[model] / behaviour.download_bytes_per_second
        self._at(now + delay, _DOWNLOADED, number, model)

    def _at(self, time: float, kind: int, number: int, model: int) -> None:
        self._event_count += 1
        heappush(self._events, (time, self._event_count, kind, number, model))

    def _advance(self, now: float) -> None:
        """Everything that happens up to `now`."""
        events = self._events
        while events and events[0][0] <= now:
            time, _, kind, number, model = heappop(events)
            instance = self._instances[number]
            if kind == _DOWNLOADED:
                if not instance.makes_room and instance.used_bytes + self._memory[model] <= instance.memory_limit:
                    self._load(instance, number, model, time)
                else:
                    instance.room_queue.append(model)
                    self._make_room(instance, number, time)
            elif kind == _LOADED:
                self._loaded(instance, number, model, time)
            else:
                instance.makes_room = False
                self._make_room(instance, number, time)

    def _make_room(self, instance: Instance, number: int, now: float) -> None:
        """Unload for the model that has waited longest, unless that is under way for another."""
        if instance.makes_room or not instance.room_queue:
            return
        model = instance.room_queue[0]
        while instance.used_bytes + self._memory[model] > instance.memory_limit:
            victim, soonest = instance.least_recently_used(now)
            if victim is None:
                if instance.loaded:  # all are at work: the first that ends makes room
                    instance.makes_room = True
                    self._at(soonest, _RETRY, number, model)
                return  # else a load is under way, and comes back here
            instance.unload(victim, self._memory[victim], self._artifacts[victim])
            now += self._behaviour.unload_seconds
        instance.room_queue.popleft()
        instance.makes_room = True
        self._load(instance, number, model, now, makes_room=True)

    def _load(self, instance: Instance, number: int, model: int, now: float, makes_room: bool = False) -> None:
        instance.reserve(self._memory[model])
        instance.loads += 1
        seconds = self._load_seconds[model] * next(self._load_factors)
        self._loading_seconds += seconds
        done = instance.work(now, seconds)
        # ~model marks the load that holds the right to make room.
        self._at(done, _LOADED, number, ~model if makes_room else model)

    def _loaded(self, instance: Instance, number: int, model: int, now: float) -> None:
        if model < 0:
            model = ~model
            instance.makes_room = False
        indices = instance.waiting.pop(model)
        instance.waiting_count -= len(indices)
        instance.loaded[model] = None
        behaviour, finish = self._behaviour, now
        for index in indices:
            arrival = float(self._trace.seconds[index])
            if now - arrival > behaviour.timeout_seconds or instance.free[0] - now > behaviour.queue_seconds:
                self._latency[index] = _FAILED
                continue
            finish = instance.work(now, float(self._service[index]))
            self._latency[index] = finish - arrival
            if len(self._instances) > 1:
                heappush(instance.running, finish)
        instance.busy_until[model] = finish
        self._make_room(instance, number, now)


def _factors(variation: float) -> Iterator[float]:
    """Numbers of mean 1, the same in each simulation."""
    if variation <= 0:
        return repeat(1.0)
    shape = 1 / variation**2
    return cycle(np.random.default_rng(_SEED).gamma(shape, 1 / shape, _CHUNK).tolist())
