"""Who works on what: a bounded queue in order of arrival, and workers that each take one job at a time.

Jobs are either bound to one worker (loads, unloads) or run on any worker that holds their model. A worker that
becomes free takes the oldest job it can run, so that no worker idles while it could work. What happens when a job
could run only on busy workers while another is free (a model getting hot) is the `starved` callback's matter.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from . import wire
from .errors import Abandoned, DeadlineExceeded, QueueFull, ServerError, Stopping, WorkerCrashed
from .pool import Answer, WorkerProcess, Zygote, settle
from .registry import Model
from .settings import Settings
from .wire import Body

_log = logging.getLogger(__name__)
_RESTART_PAUSE_SECONDS = 1.0

# What a job comes to.
Outcome = Answer | ServerError


@dataclass(eq=False)
class Job:
    """Work for one worker. `done` is called once, with the answer or the ServerError."""

    header: wire.Header
    body: Body
    timeout_seconds: float
    model: Model
    done: Callable[["Job", Outcome], None]
    place: int | None = None
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
        except Exception:  # noqa: BLE001 - whoever is answered must not take the worker's connection down
            _log.exception("handing over the answer for model %s failed", self.model.name)


@dataclass(eq=False)
class Place:
    """A worker's position. Its process may be replaced; the position, and the models that live there, stay.

    `arriving_bytes`: what the loads under way are expected to take there.
    """

    index: int
    process: WorkerProcess | None = None
    ready: bool = False
    job: Job | None = None
    restarts: int = 0
    busy_seconds: float = 0.0
    arriving_bytes: int = 0

    @property
    def free(self) -> bool:
        return self.ready and self.job is None

    @property
    def private_bytes(self) -> int:
        return 0 if self.process is None else self.process.private_bytes


class Scheduler:
    """Queue and workers. All methods belong to the event loop's thread."""

    def __init__(
        self,
        settings: Settings,
        zygote: Zygote,
        restore: Callable[[Place, WorkerProcess], Awaitable[None]],
        starved: Callable[[Job, Place], None],
    ) -> None:
        self.places = [Place(index) for index in range(settings.workers)]
        self._settings = settings
        self._zygote = zygote
        self._restore = restore
        self._starved = starved
        self._pending: list[Job] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def ready(self) -> bool:
        """Whether any worker can take requests."""
        return not self._stopping and any(place.ready for place in self.places)

    @property
    def queued(self) -> int:
        return sum(1 for job in self._pending if job.place is None and not job.settled)

    def start(self) -> None:
        """Start all workers, in the background."""
        for place in self.places:
            self._spawn(self._replace(place))

    async def stop(self) -> None:
        """Fail what waits and end the workers."""
        self._stopping = True
        waiting, self._pending = self._pending, []
        for job in waiting:
            job.settle(Stopping("the server is shutting down"))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for place in self.places:
            if place.process is not None:
                place.process.close()
        await self._zygote.stop()

    def admit(self, bound: bool = False) -> None:
        """Raises QueueFull when too many requests wait (jobs bound to a worker may always), Stopping."""
        if self._stopping:
            raise Stopping("the server is shutting down")
        if not bound and self.queued >= self._settings.queue_length:
            raise QueueFull(f"{self._settings.queue_length} requests wait already; try again later")

    async def run(self, header: wire.Header, timeout_seconds: float, model: Model, place: int) -> Answer:
        """Have one worker do something with a model; raises as `submit` tells."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        job = Job(header, b"", timeout_seconds, model, lambda _, outcome: settle(answer, outcome), place)
        self.submit(job)
        try:
            return await answer
        finally:
            job.settled = True  # nobody waits any more: not begun if it has not been

    def submit(self, job: Job) -> None:
        """Queue a job.

        What it comes to is the worker's answer or error; QueueFull, at once, when too many wait; DeadlineExceeded when
        no worker takes it in time; Stopping; WorkerCrashed.
        """
        bound = job.place is not None
        try:
            self.admit(bound)
        except ServerError as error:
            job.settle(error)
            return
        self._pending.append(job)
        self.dispatch()
        if job.started_at == 0.0 and not job.settled:
            seconds = self._settings.load_seconds if bound else self._settings.queue_seconds
            job.expiry = asyncio.get_running_loop().call_later(seconds, self._expire, job, seconds)

    def abandon(self, job: Job) -> None:
        """Nobody waits for this job any more: it is not begun if it has not been."""
        if job.started_at == 0.0:
            job.settle(Abandoned("the client left before a worker took its request"))

    def dispatch(self) -> None:
        """Give every free worker the oldest job it can run."""
        remaining = []
        for job in self._pending:
            if job.settled:
                continue
            place = self._free_place(job)
            if place is None:
                remaining.append(job)
            else:
                self._begin(place, job)
        self._pending = remaining
        if remaining:
            idle = [place for place in self.places if place.free]
            for job in remaining if idle else ():
                if job.place is None:
                    self._starved(job, idle[0])

    def _free_place(self, job: Job) -> Place | None:
        if job.place is not None:
            place = self.places[job.place]
            return place if place.free else None
        return next((self.places[index] for index in job.model.places if self.places[index].free), None)

    def fail_waiting(self, model: Model, error: ServerError) -> None:
        """Fail the requests that wait for a model which cannot be brought back."""
        for job in list(self._pending):
            if job.model is model and job.place is None:
                job.settle(error)

    def _expire(self, job: Job, seconds: float) -> None:
        if job.started_at == 0.0:
            job.settle(DeadlineExceeded(f"no worker was free for this request within {seconds:g} s; try again later"))

    def _begin(self, place: Place, job: Job) -> None:
        process = place.process
        if process is None:
            raise RuntimeError(f"worker {place.index} was given a job without a process")
        job.started_at = time.perf_counter()
        if job.expiry is not None:
            job.expiry.cancel()
        place.job = job
        ended = functools.partial(self._end, place, process, job)
        process.call(job.header, job.body, job.timeout_seconds, ended)
        job.body = b""

    def _end(self, place: Place, process: WorkerProcess, job: Job, outcome: Answer | Exception) -> None:
        place.busy_seconds += time.perf_counter() - job.started_at
        place.job = None
        if isinstance(outcome, WorkerCrashed | TimeoutError):
            place.ready = False  # its exit replaces it
            if isinstance(outcome, TimeoutError):
                process.kill()
            self._spawn(self._fail(process, job, outcome))
            self.dispatch()
            return
        self.dispatch()  # first: the worker is not to wait until this answer is sent
        job.settle(outcome)

    async def _fail(self, process: WorkerProcess, job: Job, error: WorkerCrashed | TimeoutError) -> None:
        """Tell of the error once the process is gone: until then it could still write to the client."""
        status = await process.status()
        if isinstance(error, TimeoutError):
            seconds = job.timeout_seconds
            job.settle(DeadlineExceeded(f"the worker did not answer within {seconds:g} s and was replaced"))
        else:
            job.settle(WorkerCrashed("the worker process died while it worked on this request", status))

    async def _replace(self, place: Place) -> None:
        """Start a process for a place and give it its models; only then may it take requests."""
        while not self._stopping:
            try:
                process = await WorkerProcess.start(self._zygote)
                place.process = process
                await self._restore(place, process)
            except (WorkerCrashed, TimeoutError, OSError) as error:
                _log.error("worker %d did not start, trying again: %s", place.index, error)
                if place.process is not None:
                    place.process.kill()
                    place.process.close()
                await asyncio.sleep(_RESTART_PAUSE_SECONDS)
                continue
            if process.exited.done():
                continue
            place.ready = True
            process.exited.add_done_callback(functools.partial(self._on_exit, place, process))
            self.dispatch()
            return

    def _on_exit(self, place: Place, process: WorkerProcess, exited: asyncio.Future[int]) -> None:
        place.ready = False
        process.close()
        if self._stopping:
            return
        place.restarts += 1
        _log.error("worker %d (pid %d) ended with status %d; replacing it", place.index, process.pid, exited.result())
        self._spawn(self._replace(place))

    def _spawn(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
