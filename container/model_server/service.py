"""Load, unload, invoke, list: the server's work without HTTP.

Decides where models live: a load goes to the worker that holds least; a model that keeps requests waiting beside a
free worker is loaded there too, and given back when it has cooled down or memory is needed.
"""

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from . import wire
from .budget import MemoryBudget
from .errors import InvalidArtifact, InvalidRequest, PredictionFailed, ServerError, WorkerCrashed
from .pool import WorkerProcess, Zygote
from .registry import DEFAULT_PAGE, MAX_PAGE, Model, Registry, State
from .scheduler import Job, Place, Scheduler
from .settings import Settings

_log = logging.getLogger(__name__)
# A model spreads to a free worker when this many of its requests had to wait beside one within the window.
_SPREAD_AFTER = 3
_SPREAD_WINDOW_SECONDS = 5.0
_COOL_SECONDS = 60.0


@dataclass(frozen=True)
class Invocation:
    """An answered request: body, type, and where the time went, in seconds. `cold`: the model's first."""

    body: bytes
    content_type: str
    queue_seconds: float
    decode_seconds: float
    engine_seconds: float
    encode_seconds: float
    cold: bool


class ModelService:
    """The models and the workers that serve them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry()
        self._zygote = Zygote(settings)
        self.scheduler = Scheduler(settings, self._zygote, self._restore, self._on_starved)
        self.budget = MemoryBudget(settings.memory_bytes, self._held_bytes)
        self._background: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the workers in the background; `ready` says when requests can be served."""
        self.scheduler.start()

    @property
    def ready(self) -> bool:
        return self.scheduler.ready

    async def stop(self) -> None:
        for task in list(self._background):
            task.cancel()
        await self.scheduler.stop()

    def models(self) -> list[Model]:
        return self._registry.all()

    def page(self, token: str | None, limit: int | None) -> tuple[list[Model], str | None]:
        """A page of the loaded models. Raises InvalidRequest for a bad token or limit."""
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
        WorkerCrashed, DeadlineExceeded.
        """
        model = self._registry.add(name, url)
        try:
            model.artifact_bytes = _folder_bytes(Path(url))
            await self._load_into(model, self._place_for_load())
            model.state = State.READY
        except BaseException:
            self._registry.remove(model)
            raise
        return model

    async def _load_into(self, model: Model, place: Place) -> None:
        estimate = self.budget.estimate(model)
        await self._make_room(estimate, model)
        with self.budget.reserve(estimate, model.name):
            model.arriving.add(place.index)
            before = place.private_bytes
            try:
                header, _ = await self.scheduler.run(self._job("load", model, place.index))
            finally:
                model.arriving.discard(place.index)
        model.engine = str(header["engine"]) or model.engine
        model.places.add(place.index)
        model.memory_bytes[place.index] = max(0, place.private_bytes - before)
        self.budget.learn(model, model.memory_bytes[place.index])
        if self.budget.exceeded_bytes() > 0:
            await self._unload_from(model, place.index)
            raise self.budget.refusal(model.name, model.artifact_bytes)

    async def unload(self, name: str) -> Model:
        """Wait for the model's running requests, then free it in all its workers.

        Raises ModelNotFound; DeadlineExceeded when a worker stays busy.
        """
        model = self._registry.ready(name)
        model.state = State.UNLOADING
        try:
            await model.drained()
            for index in sorted(model.places | model.arriving):
                await self._unload_from(model, index)
        except BaseException:
            model.state = State.READY
            raise
        self._registry.remove(model)
        return model

    async def _unload_from(self, model: Model, index: int) -> None:
        model.places.discard(index)
        await self.scheduler.run(self._job("unload", model, index))
        model.memory_bytes.pop(index, None)

    async def invoke(self, name: str, body: bytes, content_type: str, accept: str, target_model: str) -> Invocation:
        """Answer one request.

        Raises ModelNotFound, QueueFull, DeadlineExceeded, WorkerCrashed, and the errors of decoding, running and
        encoding.
        """
        model = self._registry.ready(name)
        model.target_model = target_model or model.target_model
        cold = model.invocations == 0
        model.invocations += 1
        model.enter()
        try:
            job = self._job("invoke", model, None, body, content_type=content_type, accept=accept)
            header, answer = await self.scheduler.run(job)
        finally:
            model.leave()
        return Invocation(
            body=answer,
            content_type=str(header["content_type"]),
            queue_seconds=job.started_at - job.queued_at,
            decode_seconds=float(header["decode_seconds"]),  # type: ignore[arg-type]
            engine_seconds=float(header["engine_seconds"]),  # type: ignore[arg-type]
            encode_seconds=float(header["encode_seconds"]),  # type: ignore[arg-type]
            cold=cold,
        )

    def _job(self, operation: str, model: Model, place: int | None, body: bytes = b"", **fields: str) -> Job:
        seconds = self._settings.invoke_seconds if operation == "invoke" else self._settings.load_seconds
        header: wire.Header = {"operation": operation, "model": model.name, "url": model.url, **fields}
        return Job(header, body, seconds, model, place)

    def _place_for_load(self) -> Place:
        """The worker that holds least; among equals a free one."""
        ready = [place for place in self.scheduler.places if place.ready] or self.scheduler.places
        return min(ready, key=lambda place: (len(self._registry.held_by(place.index)), not place.free, place.index))

    def _held_bytes(self) -> int:
        return sum(place.private_bytes for place in self.scheduler.places)

    def _on_starved(self, job: Job, free: Place) -> None:
        """A request waits for busy workers beside a free one: spread its model when that happens often."""
        model = job.model
        if model.state is not State.READY or model.arriving:
            return
        now = time.monotonic()
        if not job.counted_as_starved:
            job.counted_as_starved = True
            model.starved = [at for at in model.starved if now - at < _SPREAD_WINDOW_SECONDS] + [now]
        lost = not model.places
        if lost or (len(model.starved) >= _SPREAD_AFTER and self.budget.fits(self.budget.estimate(model))):
            model.starved.clear()
            model.arriving.add(free.index)
            self._in_background(self._spread(model, free))

    async def _spread(self, model: Model, place: Place) -> None:
        lost = not model.places
        try:
            await self._load_into(model, place)
            reason = "its worker was lost" if lost else "its requests waited beside a free worker"
            _log.info("model %s now also in worker %d: %s", model.name, place.index, reason)
        except ServerError as error:
            _log.warning("model %s could not be loaded into worker %d: %s", model.name, place.index, error)
            if not model.places:
                self.scheduler.fail_waiting(model, PredictionFailed(f"the model could not be loaded again: {error}"))
        finally:
            model.arriving.discard(place.index)
            self.scheduler.dispatch()

    async def _make_room(self, needed_bytes: int, wanted: Model) -> None:
        """Give back second copies, the longest unused first, until the load fits or none is left."""
        copies = [m for m in self._registry.all() if len(m.places) > 1 and m.state is State.READY and m is not wanted]
        for model in sorted(copies, key=lambda model: model.used_at):
            if self.budget.fits(needed_bytes):
                return
            await self._unload_from(model, max(model.places))

    async def _restore(self, place: Place, process: WorkerProcess) -> None:
        """Load a new process with the models that live at its place."""
        for model in self._registry.held_by(place.index):
            if model.state is not State.READY:
                continue
            header: wire.Header = {"operation": "load", "model": model.name, "url": model.url}
            try:
                await process.call(header, b"", self._settings.load_seconds)
            except WorkerCrashed:
                model.places.discard(place.index)  # it may be what kills the worker: loaded again when it is asked for
                raise
            except ServerError as error:
                model.places.discard(place.index)
                _log.warning("model %s could not be restored: %s", model.name, error)

    def _in_background(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _folder_bytes(directory: Path) -> int:
    if not directory.is_absolute() or not directory.is_dir():
        raise InvalidArtifact(f"url {str(directory)!r} is not an absolute path of a folder")
    return sum(Path(folder, name).lstat().st_size for folder, _, names in os.walk(directory) for name in names)
