"""Load, unload, invoke, list, metrics: the server's work without HTTP."""

import asyncio
import errno
import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from .. import wire
from ..artifact.files import brings_code
from ..errors import InvalidArtifact, InvalidRequest, ModelNotFound, OutOfDescriptors, ServerError
from ..settings import Settings
from ..telemetry.afterwards import Afterwards
from ..telemetry.observer import Observer
from .jobs import Job, Outcome
from .placement import Placement
from .pool import Reply
from .registry import DEFAULT_PAGE, MAX_PAGE, Model, Registry, State

# Kept free by loads, for requests and for workers that are replaced.
_SPARE_DESCRIPTORS = 16


class InvokeRequest(NamedTuple):
    """What a caller asks of a model, but for the body. Texts are empty where the caller says nothing."""

    model: str
    content_type: str
    accept: str
    target_model: str
    request_id: str = ""
    headers: Mapping[str, str] = {}


class Invocation(NamedTuple):
    """An answered request. `status` and `headers` are chosen by artifacts' own code only.

    `stages`: seconds in queue, decode, engine and encode. `cold`: the model's first request.
    """

    body: bytes
    content_type: str
    stages: dict[str, float]
    cold: bool
    status: int = 200
    headers: Mapping[str, str] = {}


class ModelService:
    """The models of one server."""

    def __init__(self, settings: Settings, observer: Observer, afterwards: Afterwards) -> None:
        self._settings = settings
        self._observer = observer
        self._afterwards = afterwards
        self._registry = Registry()
        self._placement = Placement(settings, self._registry, observer)
        self._scheduler = self._placement.scheduler
        self._budget = self._placement.budget
        self._reporting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the workers in the background; `ready` says when requests can be served."""
        self._placement.start()
        if self._settings.metrics_seconds > 0:
            self._reporting = asyncio.get_running_loop().create_task(self._report())

    @property
    def ready(self) -> bool:
        """Whether a request would be served now."""
        return self._scheduler.ready

    async def stop(self) -> None:
        """End the workers. Requests still waiting fail with Stopping."""
        if self._reporting is not None:
            self._reporting.cancel()
        await self._placement.stop()
        self._afterwards.run()

    def page(self, token: str | None, limit: int | None) -> tuple[list[Model], str | None]:
        """A page of the loaded models, and the next page's token. Raises InvalidRequest for a bad token or limit."""
        size = DEFAULT_PAGE if limit is None else limit
        if not 1 <= size <= MAX_PAGE:
            raise InvalidRequest(f"limit must be between 1 and {MAX_PAGE}, got {size}")
        return self._registry.page(token, size)

    def describe(self, name: str) -> Model:
        """Raises ModelNotFound."""
        return self._registry.ready(name)

    async def load(self, name: str, url: str) -> Model:
        """Load a model into one worker, run it once, and count what it took.

        Raises ModelAlreadyLoaded, InvalidArtifact, InsufficientMemory (before or after the load; nothing stays),
        ModelTooLarge, OutOfDescriptors, WorkerCrashed, DeadlineExceeded, ModelTimeout.
        """
        start = time.perf_counter()
        model = self._registry.add(name, url)
        try:
            _check_descriptors()
            model.artifact_bytes = await asyncio.to_thread(_folder_bytes, Path(url))
            model.has_code = self._settings.artifact_code and brings_code(Path(url), self._settings.program)
            place = await self._placement.load(model)
        except BaseException as error:
            self._registry.remove(model)
            if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
                error = OutOfDescriptors("no file descriptor is left: unload a model, or raise the limit (ulimit -n)")
                self._observer.load_failed(name, error.kind, error.message)
                raise error from None
            if isinstance(error, ServerError):
                self._observer.load_failed(name, error.kind, error.message)
            raise
        model.state = State.READY
        self._observer.loaded(model, time.perf_counter() - start, place)
        return model

    async def unload(self, name: str) -> Model:
        """Wait for the model's running requests, then free it in all its workers.

        Raises ModelNotFound; ModelTimeout when a worker stays busy, and the model stays.
        """
        start = time.perf_counter()
        model = self._registry.ready(name)
        model.state = State.UNLOADING
        idle_seconds = time.monotonic() - model.used_at
        try:
            await model.drained()
            freed = await self._placement.unload(model)
        except BaseException:
            model.state = State.READY
            raise
        self._registry.remove(model)
        self._afterwards.run()
        reason = f"asked for, {idle_seconds:.1f} s after its last use"
        self._observer.unloaded(model, time.perf_counter() - start, freed, None, reason)
        return model

    def admit(self, name: str) -> None:
        """Raises what an invocation would be refused with at once: ModelNotFound, QueueFull, Stopping."""
        self._scheduler.admit(self._registry.ready(name))

    def invoke(
        self, request: InvokeRequest, body: wire.Body, done: Callable[[Invocation | ServerError], None]
    ) -> Callable[[], None]:
        """Answer one request: `done` is called with what comes of it, perhaps at once. Returns what to call when nobody
        waits for it any more: a request that still waits for a worker is then given up.

        A callback and no coroutine: a task for each request would cost as much as all that is done here. Errors are
        ModelNotFound, QueueFull, DeadlineExceeded, ModelTimeout, Stopping, WorkerCrashed, Abandoned, and what decoding,
        running and encoding fail with.
        """
        start = time.perf_counter()
        try:
            model = self._registry.ready(request.model)
        except ModelNotFound as error:
            done(error)
            return _nothing
        model.target_model = request.target_model or model.target_model
        model.enter()

        def settled(job: Job, outcome: Outcome) -> None:
            seconds = time.perf_counter() - start
            observer, later = self._observer, self._afterwards.call
            try:
                if isinstance(outcome, ServerError):
                    later(observer.failed, model.name, outcome.kind)
                    done(outcome)
                else:
                    invocation = _invocation(job, outcome)
                    model.invocations += 1
                    later(observer.invoked, model.name, seconds, invocation.cold, invocation.stages)
                    done(invocation)
            finally:
                model.leave()

        header: wire.Header = {
            "operation": "invoke",
            "model": model.name,
            "content_type": request.content_type,
            "accept": request.accept,
            "request_id": request.request_id,
        }
        if model.has_code:  # no other model looks at them
            header["headers"] = dict(request.headers)
        job = Job(header, body, start + self._settings.invoke_seconds, model, settled)
        self._scheduler.submit(job)
        return lambda: self._scheduler.abandon(job)

    async def metrics(self) -> str:
        """Everything counted, as Prometheus text."""
        self._afterwards.run()
        return await self._observer.render(self._loaded(), self._gauges())

    def _loaded(self) -> list[Model]:
        return [model for model in self._registry.all() if model.state is State.READY]

    def _gauges(self) -> dict[str, tuple[str, str, float]]:
        places = self._scheduler.places.values()
        return {
            "models_loaded": ("gauge", "Models that can be invoked.", len(self._loaded())),
            "queue_length": ("gauge", "Requests that wait for a worker.", self._scheduler.queued),
            "workers_ready": ("gauge", "Workers that take requests.", sum(place.ready for place in places)),
            "workers_busy": ("gauge", "Workers at work.", sum(place.job is not None for place in places)),
            "worker_restarts_total": ("counter", "Workers replaced.", self._scheduler.restarts),
            "worker_busy_seconds_total": ("counter", "Time workers worked.", self._scheduler.busy_seconds),
            "log_bytes_waiting": ("gauge", "Lines for stdout not written yet.", self._observer.events.waiting_bytes),
            "log_lines_dropped_total": ("counter", "Lines for stdout that nobody read.", self._observer.events.dropped),
            "memory_used_bytes": (
                "gauge",
                "Private memory of all processes, and mapped weights.",
                self._budget.used_bytes,
            ),
            "memory_limit_bytes": ("gauge", "The memory budget.", self._budget.limit_bytes),
        }

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self._settings.metrics_seconds)
            self._afterwards.run()
            self._observer.write_period(self._loaded(), self._gauges())


def _nothing() -> None:
    """There is nothing to give up."""


def _invocation(job: Job, answer: Reply) -> Invocation:
    header, body = answer
    stages = {"queue": job.started_at - job.queued_at}
    for stage in ("decode", "engine", "encode"):
        stages[stage] = float(header[f"{stage}_seconds"])  # type: ignore[arg-type]
    invocation = Invocation(body, str(header["content_type"]), stages, job.model.invocations == 0)
    if "status" in header:
        return invocation._replace(status=header["status"], headers=header["headers"])  # type: ignore[arg-type]
    return invocation


def _check_descriptors() -> None:
    """Raises OutOfDescriptors while there are still some for requests, and for replacing workers."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only, once a load
    if limit - used < _SPARE_DESCRIPTORS:
        raise OutOfDescriptors(f"{used} of {limit} file descriptors are in use: unload a model, or raise ulimit -n")


def _folder_bytes(directory: Path) -> int:
    try:
        is_folder = directory.is_absolute() and directory.is_dir()
    except OSError:  # a name too long, a folder that may not be looked into
        is_folder = False
    if not is_folder:
        raise InvalidArtifact(f"url {str(directory)[:300]!r} is not the absolute path of a folder")
    return sum(Path(folder, name).lstat().st_size for folder, _, names in os.walk(directory) for name in names)
