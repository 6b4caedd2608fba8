"""Copies of models: where a model's requests wait it is loaded once more, and a model that was lost with its worker is
loaded again. Copies are given back when the model has cooled down or their memory is needed."""

import time
from typing import Protocol

from ..errors import InsufficientMemory, PredictionFailed, ServerError, WorkerCrashed
from ..settings import Settings
from ..telemetry.observer import Observer
from .background import Background
from .budget import MemoryBudget
from .jobs import Job
from .places import Place
from .registry import UNOPENED, Model, Registry, State
from .scheduler import Scheduler

# A model spreads when this many of its requests had to wait within the window.
_SPREAD_AFTER = 3
_SPREAD_WINDOW_SECONDS = 5.0
# A worker that was killed while it loaded a model again need not have been so for the model's sake (the system was
# short of memory, a person did it): so many times in a row it is.
_SUSPECT_AFTER_KILLS = 10


class Loads(Protocol):
    """What is needed of the placement."""

    def is_apart(self, model: Model) -> bool: ...
    async def load_into(self, model: Model, shared: Place | None) -> Place: ...
    async def unload_from(self, model: Model, index: int) -> int: ...


class Copies:
    """Loads models once more, and gives the copies back."""

    def __init__(
        self,
        placement: Loads,
        settings: Settings,
        *,
        scheduler: Scheduler,
        budget: MemoryBudget,
        registry: Registry,
        observer: Observer,
    ) -> None:
        self._placement = placement
        self._scheduler = scheduler
        self._budget = budget
        self._settings = settings
        self._registry = registry
        self._observer = observer
        self._background = Background()

    async def stop(self) -> None:
        await self._background.stop()

    def on_starved(self, job: Job) -> None:
        """A request waits: load its model once more where that helps."""
        model = job.model
        if model.state is not State.READY or model.arriving:
            return
        is_apart = self._placement.is_apart(model)
        free = None if is_apart else self._free_beside(model)
        if free is None and not is_apart:
            return
        if not job.counted_as_starved:
            job.counted_as_starved = True
            model.starved.append(time.monotonic())
            del model.starved[:-_SPREAD_AFTER]
        reason = self._reason_to_spread(model)
        if reason is None:
            return
        model.starved.clear()
        model.arriving.add(UNOPENED if free is None else free.index)
        self._background.spawn(self._spread(model, free, reason))

    def _free_beside(self, model: Model) -> Place | None:
        return next((p for p in self._scheduler.shared if p.free and p.index not in model.places), None)

    def _reason_to_spread(self, model: Model) -> str | None:
        if not model.places:
            return "its worker was lost"
        if len(model.places) >= self._settings.model_workers:
            return None
        if all(self._scheduler.places[index].is_moving_models for index in model.places):
            reason = "its worker is busy with another model"
        elif len(model.starved) == _SPREAD_AFTER and time.monotonic() - model.starved[0] < _SPREAD_WINDOW_SECONDS:
            reason = "requests waited beside a free worker"
        else:
            return None
        return reason if self._budget.fits(self._budget.estimate(model)) else None

    async def _spread(self, model: Model, shared: Place | None, reason: str) -> None:
        start = time.perf_counter()
        try:
            place = await self._placement.load_into(model, shared)
            self._observer.loaded(model, time.perf_counter() - start, place.index, reason)
            model.load_crashes = 0
        except (ServerError, OSError) as error:
            kind = error.kind if isinstance(error, ServerError) else type(error).__name__
            self._observer.load_failed(model.name, kind, str(error))
            if not model.places and self._gave_up(model, error, shared):
                lost = f"the model was lost with its worker and did not load again: {error}"
                failed = InsufficientMemory if isinstance(error, InsufficientMemory) else PredictionFailed
                self._scheduler.fail_waiting(model, failed(lost))
        finally:
            model.arriving.discard(UNOPENED if shared is None else shared.index)
            self._scheduler.dispatch()

    @staticmethod
    def _gave_up(model: Model, error: Exception, shared: Place | None) -> bool:
        """Whether it is the model that does not load. A crash in a shared worker has another try, apart from others."""
        if not isinstance(error, WorkerCrashed):
            return True
        if error.by_itself:
            return shared is None
        model.load_crashes += 1
        if model.load_crashes < _SUSPECT_AFTER_KILLS:
            return False
        model.load_crashes = 0
        return True

    async def make_room(self, needed_bytes: int, wanted: Model) -> None:
        """Give back second copies, the longest unused first, until the load fits or none is left."""
        for model in sorted(self.copied(), key=lambda model: model.used_at):
            if self._budget.fits(needed_bytes):
                return
            if model is not wanted:
                await self.drop_copy(model, f"memory is needed for model {wanted.name}")

    def copied(self) -> list[Model]:
        """Models that more than one worker holds."""
        return [model for model in self._registry.all() if _is_copied(model)]

    async def drop_copy(self, model: Model, reason: str) -> None:
        """Unless it is the last one by now: another load may have made room with it as well."""
        if not _is_copied(model):
            return
        start = time.perf_counter()
        index = max(model.places)
        freed = await self._placement.unload_from(model, index)
        self._observer.unloaded(model, time.perf_counter() - start, freed, index, reason)


def _is_copied(model: Model) -> bool:
    """Whether a copy can be given back while the model stays invokable."""
    return len(model.places) > 1 and model.state is State.READY
