"""Which worker holds which model.

A load goes to the worker that holds least. A model that keeps requests waiting beside a free worker is loaded there
too; that copy is given back when the model has cooled down or its memory is needed. A worker that is replaced gets its
models back before it takes requests.
"""

import asyncio
import logging
import time

from . import wire
from .budget import MemoryBudget
from .errors import InsufficientMemory, ModelNotFound, PredictionFailed, ServerError, WorkerCrashed
from .memory import anonymous_bytes, private_bytes
from .observer import Observer
from .pool import WorkerProcess, Zygote
from .registry import Model, Registry, State
from .scheduler import Job, Place, Scheduler
from .settings import Settings

_log = logging.getLogger(__name__)
# A model spreads to a free worker when this many of its requests had to wait beside one within the window.
_SPREAD_AFTER = 3
_SPREAD_WINDOW_SECONDS = 5.0
_COOL_SECONDS = 60.0
# A model is taken to be the reason when so many workers in a row died while they loaded it again; more where they were
# killed, which others do too (the system short of memory, a person).
_SUSPECT_AFTER_CRASHES = 3
_SUSPECT_AFTER_KILLS = 10
_KEEP_PERIOD_SECONDS = 5.0


class Placement:
    """Moves models in and out of workers, within the memory budget."""

    def __init__(self, settings: Settings, registry: Registry, observer: Observer) -> None:
        self._settings = settings
        self._registry = registry
        self._observer = observer
        self._zygote = Zygote(settings)
        self.scheduler = Scheduler(settings, self._zygote, self._restore, self._on_starved)
        self.budget = MemoryBudget(settings.memory_bytes, self._workers_bytes)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the workers, in the background."""
        self.scheduler.start()
        self._spawn(self._keep())

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.scheduler.stop()

    async def _run(self, operation: str, model: Model, place: int) -> wire.Header:
        """Load or unload a model in one worker."""
        header: wire.Header = {"operation": operation, "model": model.name, "url": model.url}
        return (await self.scheduler.run(header, self._settings.load_seconds, model, place))[0]

    async def load(self, model: Model) -> int:
        """Load a model into one worker; returns its place.

        Raises InsufficientMemory with nothing left behind, and what the worker answers.
        """
        ready = [place for place in self.scheduler.places if place.ready] or self.scheduler.places
        place = min(ready, key=lambda place: (place.private_bytes + place.arriving_bytes, not place.free, place.index))
        await self._load_into(model, place)
        return place.index

    async def unload(self, model: Model) -> int:
        """Take a model out of every worker; returns the bytes that it had taken. Raises what a worker answers."""
        freed = 0
        for index in sorted(model.places | model.arriving):
            freed += await self._unload_from(model, index)
        return freed

    async def _load_into(self, model: Model, place: Place) -> None:
        estimate = self.budget.estimate(model)
        model.arriving.add(place.index)
        place.arriving_bytes += estimate
        try:
            await self._make_room(estimate, model)
            with self.budget.reserve(estimate, model.name):
                if model.state is State.UNLOADING:
                    raise ModelNotFound(f"Model not found: {model.name}")
                header = await self._run_load(model, place)
        finally:
            place.arriving_bytes -= estimate
            model.arriving.discard(place.index)
        self._note_loaded(model, place.index, header)
        if self.budget.exceeded_bytes() > 0:
            needed = model.memory_bytes[place.index]
            await self._unload_from(model, place.index)
            raise self.budget.refusal(model.name, needed)

    def _note_loaded(self, model: Model, index: int, header: wire.Header) -> None:
        model.engine = str(header["engine"]) or model.engine
        model.memory_bytes[index] = max(0, int(header["taken_bytes"]))  # type: ignore[call-overload]
        model.places.add(index)
        if not header["engine_started"]:  # what the engine itself takes once would be learnt as the model's
            self.budget.learn(model, model.memory_bytes[index])

    async def _run_load(self, model: Model, place: Place) -> wire.Header:
        try:
            return await self._run("load", model, place.index)
        except WorkerCrashed as error:
            if error.killed:
                raise InsufficientMemory(
                    f"Insufficient memory: loading model {model.name} got its worker killed"
                ) from error
            raise

    async def _unload_from(self, model: Model, index: int) -> int:
        model.places.discard(index)
        try:
            header = await self._run("unload", model, index)
        except WorkerCrashed:
            # Its memory went with it, and the worker that follows is not given this model any more.
            return model.memory_bytes.pop(index, 0)
        model.memory_bytes.pop(index, None)
        return max(0, -int(header["taken_bytes"]))  # type: ignore[call-overload]

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
            self._spawn(
                self._spread(model, free, "its worker was lost" if lost else "requests waited beside a free worker")
            )

    async def _spread(self, model: Model, place: Place, reason: str) -> None:
        start = time.perf_counter()
        try:
            await self._load_into(model, place)
            self._observer.loaded(model, time.perf_counter() - start, place.index, reason)
            model.load_crashes = 0
        except ServerError as error:
            self._observer.load_failed(model.name, error.kind, error.message)
            if not model.places and self._gave_up(model, error):
                lost = f"the model was lost with its worker and did not load again: {error}"
                kind = InsufficientMemory if isinstance(error, InsufficientMemory) else PredictionFailed
                self.scheduler.fail_waiting(model, kind(lost))
        finally:
            model.arriving.discard(place.index)
            self.scheduler.dispatch()

    @staticmethod
    def _gave_up(model: Model, error: ServerError) -> bool:
        """Whether it is the model that does not load. A worker may be killed for reasons of its own, a few times."""
        if not isinstance(error, WorkerCrashed):
            return True
        model.load_crashes += 1
        if model.load_crashes < (_SUSPECT_AFTER_KILLS if error.killed else _SUSPECT_AFTER_CRASHES):
            return False
        model.load_crashes = 0
        return True

    async def _make_room(self, needed_bytes: int, wanted: Model) -> None:
        """Give back second copies, the longest unused first, until the load fits or none is left."""
        for model in sorted(self._copied(), key=lambda model: model.used_at):
            if self.budget.fits(needed_bytes):
                return
            if model is not wanted:
                await self._drop_copy(model, f"memory is needed for model {wanted.name}")

    def _copied(self) -> list[Model]:
        return [model for model in self._registry.all() if _is_copied(model)]

    async def _drop_copy(self, model: Model, reason: str) -> None:
        """Unless it is the last one by now: another load may have made room with it as well."""
        if not _is_copied(model):
            return
        start = time.perf_counter()
        index = max(model.places)
        freed = await self._unload_from(model, index)
        self._observer.unloaded(model, time.perf_counter() - start, freed, index, reason)

    async def _keep(self) -> None:
        """Every few seconds: measure the processes without models, give back copies of models that cooled down."""
        while True:
            await asyncio.sleep(_KEEP_PERIOD_SECONDS)
            try:
                await asyncio.to_thread(self.measure_base)
                for model in self._copied():
                    if time.monotonic() - model.used_at > _COOL_SECONDS:
                        await self._drop_copy(model, f"not used for {_COOL_SECONDS:g} s")
            except (ServerError, OSError) as error:
                _log.warning("housekeeping failed, going on: %s", error)

    def measure_base(self) -> None:
        """Count this process, and the one workers are forked from: what it shares with them is its own."""
        zygote = self._zygote.pid
        self.budget.base_bytes = private_bytes() + (anonymous_bytes(zygote) if zygote is not None else 0)

    def _workers_bytes(self) -> int:
        return sum(place.private_bytes for place in self.scheduler.places)

    async def _restore(self, place: Place, process: WorkerProcess) -> None:
        """Load a new process with the models that live at its place, the last used first."""
        self.measure_base()
        for model in self._registry.held_by(place.index):
            if model.state is not State.READY:
                continue
            header: wire.Header = {"operation": "load", "model": model.name, "url": model.url}
            start = time.perf_counter()
            try:
                await process.ask(header, self._settings.load_seconds)
                self._observer.loaded(model, time.perf_counter() - start, place.index, "its worker was replaced")
                model.load_crashes = 0
            except WorkerCrashed as error:
                if self._gave_up(model, WorkerCrashed(error.message, await process.status())):
                    model.places.discard(place.index)  # loaded again when it is asked for
                raise
            except ServerError as error:
                model.places.discard(place.index)
                self._observer.load_failed(model.name, error.kind, error.message)

    def _spawn(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_copied(model: Model) -> bool:
    """Whether a copy can be given back while the model stays invokable."""
    return len(model.places) > 1 and model.state is State.READY
