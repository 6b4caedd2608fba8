"""Work for a worker, and the waiting room of invocations."""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .. import wire
from ..errors import ServerError
from .pool import Reply
from .registry import Model

_log = logging.getLogger(__name__)

# What a job comes to.
Outcome = Reply | ServerError


@dataclass(eq=False)
class Job:
    """Work for one worker. `done` is called once, with the answer or the ServerError.

    `deadline`: of waiting and running together, on `time.perf_counter`'s clock. `place`: the worker it is bound to
    (loads and unloads); None for an invocation, which any worker that holds its model may take. `begun`: called when a
    worker begins with it.
    """

    header: wire.Header
    body: wire.Body
    deadline: float
    model: Model
    done: Callable[["Job", Outcome], None]
    place: int | None = None
    begun: Callable[[], None] | None = None
    queued_at: float = field(default_factory=time.perf_counter)
    started_at: float = 0.0
    expiry: asyncio.TimerHandle | None = None
    counted_as_starved: bool = False
    settled: bool = False

    def settle(self, outcome: Outcome) -> None:
        """Hand over what came of it; the first outcome counts."""
        if self.settled:
            return
        self.settled = True
        if self.expiry is not None:
            self.expiry.cancel()
        try:
            self.done(self, outcome)
        except Exception:  # noqa: BLE001 - the receiver of an answer must not take the worker's connection down
            _log.exception("handing over the answer for model %s failed", self.model.name)


class FairQueue:
    """Waiting invocations: models take turns, and the requests of one model keep their order.

    At most `limit` jobs wait. When it is full, the model that has most of them gives way: its last request is refused
    in favour of one whose model has fewer. So no model can fill the queue against the others.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: OrderedDict[Model, deque[Job]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def refuses(self, model: Model) -> bool:
        """Whether another request of this model would be refused."""
        return self._count >= self._limit and self._longest() <= len(self._waiting.get(model, ())) + 1

    def add(self, job: Job) -> Job | None:
        """Add a job; returns the one that has no room any more, which may be this one."""
        refused = None
        if self._count >= self._limit:
            if self.refuses(job.model):
                return job
            most = max(self._waiting, key=lambda model: len(self._waiting[model]))
            refused = self._waiting[most][-1]
            self.remove(refused)
        self._waiting.setdefault(job.model, deque()).append(job)
        self._count += 1
        return refused

    def _longest(self) -> int:
        return max(map(len, self._waiting.values()), default=0)

    def take(self, place: int) -> Job | None:
        """The next job that this worker can run: the oldest of the model whose turn it is."""
        model = next((model for model in self._waiting if place in model.places), None)
        if model is None:
            return None
        job = self._waiting[model][0]
        self.remove(job)
        if model in self._waiting:
            self._waiting.move_to_end(model)
        return job

    def has_any_for(self, place: int) -> bool:
        return any(place in model.places for model in self._waiting)

    def remove(self, job: Job) -> None:
        """Does nothing for one that does not wait."""
        jobs = self._waiting.get(job.model)
        if jobs is None or job not in jobs:
            return
        jobs.remove(job)
        self._count -= 1
        if not jobs:
            del self._waiting[job.model]

    def of(self, model: Model) -> list[Job]:
        """The jobs that wait for a model, the oldest first."""
        return list(self._waiting.get(model, ()))

    def first_of_each(self) -> Iterator[Job]:
        """The oldest job of each model, in the order of their turns."""
        yield from [jobs[0] for jobs in self._waiting.values()]

    def all(self) -> list[Job]:
        return [job for jobs in self._waiting.values() for job in jobs]
