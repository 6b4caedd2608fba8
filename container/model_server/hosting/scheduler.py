"""Who works on what: invocations that wait in a fair queue, and workers that each take one job at a time.

A job is begun at once where a worker can take it; only one that has to wait can be refused. What happens when a model's
requests wait while its workers are busy or gone (it got hot, it was lost) is the `starved` callback's matter.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable

from .. import wire
from ..errors import Abandoned, DeadlineExceeded, ModelTimeout, QueueFull, ServerError, Stopping, WorkerCrashed
from ..settings import Settings
from .background import Background
from .jobs import FairQueue, Job
from .places import Place
from .pool import Reply, WorkerProcess, Zygote, settle
from .registry import Model

_log = logging.getLogger(__name__)
_RESTART_PAUSE_SECONDS = 1.0


class Scheduler:
    """Queue and workers. All methods belong to the event loop's thread.

    Args:
        lost: called when a place's process is gone, and with it the models that were loaded there.
        starved: called with a request that has to wait.
        grown: called with a model, its place, and the answer of its first run, if that was not at its load.
    """

    def __init__(
        self,
        settings: Settings,
        zygote: Zygote,
        lost: Callable[[Place], None],
        starved: Callable[[Job], None],
        grown: Callable[[Model, Place, wire.Header], None],
    ) -> None:
        self.places = {index: Place(index) for index in range(settings.workers)}
        self.restarts = 0
        self._busy_at = 0.0
        self.busy_seconds = 0.0
        self._next_index = settings.workers
        self._settings = settings
        self._zygote = zygote
        self._lost = lost
        self._starved = starved
        self._grown = grown
        self._queue = FairQueue(settings.queue_length)
        self._background = Background()
        self._stopping = False

    @property
    def shared(self) -> list[Place]:
        """The places whose workers models share."""
        return [place for place in self.places.values() if place.owner is None]

    @property
    def ready(self) -> bool:
        """Whether any worker can take requests."""
        return not self._stopping and any(place.ready for place in self.shared)

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def idle_seconds(self) -> float:
        """How long no worker had anything to do but to load optimised models again; 0 while one has."""
        if any(place.job is not None for place in self.places.values()) or len(self._queue):
            return 0.0
        return time.perf_counter() - self._busy_at

    def start(self) -> None:
        """Start the shared workers, in the background."""
        for place in self.shared:
            self._background.spawn(self._replace(place))

    async def stop(self) -> None:
        """Fail what waits and end the workers."""
        self._stopping = True
        waiting = self._queue.all() + [job for place in self.places.values() for job in place.bound]
        for job in waiting:
            self._queue.remove(job)
            job.settle(Stopping("the server is shutting down"))
        await self._background.stop()
        for place in self.places.values():
            if place.process is not None:
                place.process.close()
        await self._zygote.stop()

    # Jobs.

    def admit(self, model: Model) -> None:
        """Raises what a request for this model would be refused with at once: QueueFull, Stopping."""
        if self._stopping:
            raise Stopping("the server is shutting down")
        if self._free_place(model) is None and self._queue.refuses(model):
            raise self._full()

    def _full(self) -> QueueFull:
        return QueueFull(f"{self._settings.queue_length} requests wait already; try again later")

    async def run(
        self,
        header: wire.Header,
        deadline: float,
        model: Model,
        place: int,
        begun: Callable[[], None] | None = None,
    ) -> Reply:
        """Have one worker do something with a model; raises as `submit` tells."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        job = Job(header, b"", deadline, model, lambda _, outcome: settle(answer, outcome), place, begun)
        self.submit(job)
        try:
            return await answer
        finally:
            job.settled = True  # nobody waits any more: not begun if it has not been

    def submit(self, job: Job) -> None:
        """Begin a job, or let it wait.

        What it comes to is the worker's answer or error; QueueFull when too many wait; DeadlineExceeded when no worker
        takes it in time; ModelTimeout when the worker is not done in time; Stopping; WorkerCrashed.
        """
        place = self._free_place(job.model) if job.place is None else self.places.get(job.place)
        if self._stopping:
            job.settle(Stopping("the server is shutting down"))
        elif job.place is not None:
            if place is None:
                job.settle(WorkerCrashed("the worker process ended before it took this request"))
                return
            place.bound.append(job)
            self._expire_later(job, job.deadline - time.perf_counter())
            self._fill(place)
        elif place is not None:
            self._begin(place, job)
        else:
            refused = self._queue.add(job)
            if refused is not job:
                self._expire_later(job, min(self._settings.queue_seconds, job.deadline - time.perf_counter()))
                self._starved(job)
            if refused is not None:
                refused.settle(self._full())

    def abandon(self, job: Job) -> None:
        """Nobody waits for this job any more: it is not begun if it has not been."""
        if job.started_at == 0.0:
            self._queue.remove(job)
            job.settle(Abandoned("the client left before a worker took its request"))

    def fail_waiting(self, model: Model, error: ServerError) -> None:
        """Fail the requests that wait for a model which cannot be brought back."""
        for job in self._queue.of(model):
            self._queue.remove(job)
            job.settle(error)

    def dispatch(self) -> None:
        """Give every free worker what it can run: models have come or gone."""
        for place in list(self.places.values()):
            self._fill(place)
        for job in self._queue.first_of_each():
            self._starved(job)

    def _free_place(self, model: Model) -> Place | None:
        return next((self.places[index] for index in model.places if self.places[index].free), None)

    def _expire_later(self, job: Job, seconds: float) -> None:
        if not job.settled and job.started_at == 0.0:
            job.expiry = asyncio.get_running_loop().call_later(max(0.0, seconds), self._expire, job, seconds)

    def _expire(self, job: Job, seconds: float) -> None:
        self._queue.remove(job)
        job.settle(DeadlineExceeded(f"no worker was free for this request within {seconds:.3g} s; try again later"))

    def _fill(self, place: Place) -> None:
        """Give a worker work, if it is free: loads and unloads in turn with invocations, the models in turn."""
        while place.free:
            while place.bound and place.bound[0].settled:
                place.bound.popleft()
            bound_next = bool(place.bound) and not (place.after_bound and self._queue.has_any_for(place.index))
            job = place.bound.popleft() if bound_next else self._queue.take(place.index)
            if job is None:
                return
            self._begin(place, job)

    def _begin(self, place: Place, job: Job) -> None:
        process = place.process
        if process is None:
            raise RuntimeError(f"worker {place.index} was given a job without a process")
        if job.expiry is not None:
            job.expiry.cancel()
        job.started_at = time.perf_counter()
        place.job = job
        if job.begun is not None:
            job.begun()
        place.after_bound = job.place is not None
        ended = functools.partial(self._end, place, process, job)
        body, job.body = job.body, b""
        process.call(job.header, body, max(0.001, job.deadline - job.started_at), ended)

    def _end(self, place: Place, process: WorkerProcess, job: Job, outcome: Reply | Exception) -> None:
        now = time.perf_counter()
        self.busy_seconds += now - job.started_at
        if job.header.get("operation") != "reload":
            self._busy_at = now
        place.job = None
        if isinstance(outcome, WorkerCrashed | TimeoutError):
            place.ready = False  # its exit replaces it
            if isinstance(outcome, TimeoutError):
                process.kill()
            self._background.spawn(self._fail(process, job, outcome))
            return
        if job.place is None and isinstance(outcome, tuple) and "taken_bytes" in outcome[0]:
            self._grown(job.model, place, outcome[0])
        if place.is_retiring:
            self.retire(place)
        self._fill(place)  # first: the worker is not to wait until this answer is sent
        if place.free and place.owner is None:
            for waiting in self._queue.first_of_each():
                self._starved(waiting)
        job.settle(outcome)  # type: ignore[arg-type]

    async def _fail(self, process: WorkerProcess, job: Job, error: WorkerCrashed | TimeoutError) -> None:
        """Tell of the error once the process is gone, with its exit code."""
        status = await process.status()
        if status is None:  # code that closed the socket may run on, and nobody could stop it later
            process.kill()
        if isinstance(error, TimeoutError):
            seconds = time.perf_counter() - job.queued_at
            job.settle(ModelTimeout(f"the model did not answer within {seconds:.3g} s; its worker was replaced"))
        else:
            job.settle(WorkerCrashed("the worker process died while it worked on this request", status))

    # Processes.

    async def open_place(self, owner: Model) -> Place:
        """A place for one model, with a process of its own. Raises WorkerCrashed, OSError."""
        place = Place(self._next_index, owner)
        self._next_index += 1
        try:
            process = await WorkerProcess.start(self._zygote)
        except TimeoutError as error:
            raise WorkerCrashed("a worker process did not start in time") from error
        self.places[place.index] = place
        self._take_over(place, process)
        return place

    async def close_place(self, place: Place) -> None:
        """End a place that belongs to one model, and wait until its process is gone."""
        place.is_retiring = True
        if place.process is not None:
            place.process.close()
            if await place.process.status() is None:
                place.process.kill()
                await place.process.status()

    def retire(self, place: Place) -> None:
        """End a place's process as soon as it is idle. One that is shared is replaced."""
        place.is_retiring = True
        if place.job is None and place.process is not None:
            place.ready = False
            place.process.kill()

    async def _replace(self, place: Place) -> None:
        """Start a process for a shared place. Its models are loaded when they are asked for."""
        while not self._stopping:
            try:
                process = await WorkerProcess.start(self._zygote)
            except (WorkerCrashed, TimeoutError, OSError) as error:
                _log.error("worker %d did not start, trying again: %s", place.index, error)
                await asyncio.sleep(_RESTART_PAUSE_SECONDS)
                continue
            self._take_over(place, process)
            self.dispatch()
            return

    def _take_over(self, place: Place, process: WorkerProcess) -> None:
        place.process = process
        place.empty_bytes = process.private_bytes
        place.is_retiring = False
        place.ready = True
        process.exited.add_done_callback(functools.partial(self._on_exit, place, process))

    def _on_exit(self, place: Place, process: WorkerProcess, exited: asyncio.Future[int]) -> None:
        place.ready = False
        process.close()
        if self._stopping:
            return
        self._lost(place)
        if not place.is_retiring:
            self.restarts += 1
            _log.error("worker %d (pid %d) ended with status %d", place.index, process.pid, exited.result())
        if place.owner is None:
            self._background.spawn(self._replace(place))
            return
        del self.places[place.index]
        for job in place.bound:
            job.settle(WorkerCrashed("the worker process ended before it took this request", exited.result()))
        self.dispatch()
