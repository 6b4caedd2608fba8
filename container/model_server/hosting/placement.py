"""Which worker holds which model.

A load goes to the shared worker that holds least; an artifact with code of its own, or one that ended a worker before,
gets a process of its own.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from .. import wire
from ..errors import (
    InsufficientMemory,
    ModelNotFound,
    ModelTimeout,
    WorkerCrashed,
)
from ..memory import headroom_bytes, private_bytes
from ..settings import Settings
from ..telemetry.observer import Observer
from .background import Background
from .budget import MIB, TOLERANCE, MemoryBudget
from .copies import Copies
from .housekeeping import Housekeeper
from .jobs import Job
from .memory_watch import MemoryWatch
from .optimiser import Optimiser
from .places import Place
from .quarantine import Quarantine
from .registry import UNOPENED, Model, Registry, State
from .scheduler import Scheduler
from .zygotes import Zygotes


class Placement:
    """Moves models in and out of workers, within the memory budget."""

    def __init__(self, settings: Settings, registry: Registry, observer: Observer) -> None:
        self._settings = settings
        self._registry = registry
        self._observer = observer
        self._zygotes = Zygotes(settings)
        self.scheduler = Scheduler(settings, self._zygotes, self._on_lost, self._on_starved, self._on_grown)
        self.budget = MemoryBudget(settings.memory_bytes, self._workers_bytes, headroom_bytes)
        self._quarantine = Quarantine()
        self.copies = Copies(
            self,
            settings,
            scheduler=self.scheduler,
            budget=self.budget,
            registry=registry,
            observer=observer,
        )
        self._housekeeper = Housekeeper(
            self.copies,
            self.measure_base,
            scheduler=self.scheduler,
            budget=self.budget,
            registry=registry,
            observer=observer,
        )
        self._optimiser = Optimiser(
            settings,
            self._zygotes,
            scheduler=self.scheduler,
            budget=self.budget,
            registry=registry,
            grown=self._on_grown,
        )
        self._background = Background()

    def start(self) -> None:
        """Start the workers, in the background."""
        self.scheduler.start()
        self._background.spawn(self._housekeeper.run())
        self._background.spawn(self._optimiser.run())

    async def stop(self) -> None:
        await self.copies.stop()
        await self._background.stop()
        await self.scheduler.stop()

    # Loads.

    async def load(self, model: Model) -> int:
        """Load a model into one worker; returns its place.

        Raises InsufficientMemory with nothing left behind, ModelTooLarge, and what the worker answers.
        """
        try:
            return (await self.load_into(model, None if self.is_apart(model) else self._emptiest())).index
        except WorkerCrashed as error:
            if error.killed:
                raise InsufficientMemory(
                    f"Insufficient memory: loading model {model.name} got its worker killed"
                ) from error
            raise

    def is_apart(self, model: Model) -> bool:
        return model.has_code or self._quarantine.holds(model.url)

    def _emptiest(self) -> Place:
        shared = self.scheduler.shared
        ready = [place for place in shared if place.ready] or shared
        return min(ready, key=lambda place: (place.private_bytes + place.arriving_bytes, not place.free, place.index))

    async def load_into(self, model: Model, shared: Place | None) -> Place:
        """Load a model into a shared worker, or into a process of its own.

        An estimate is a guess. A load that does not fit by it is tried in a process of its own, and ended before it
        passes the budget.
        """
        deadline = time.perf_counter() + self._settings.load_seconds
        self._quarantine.check(model.url)
        if not self.budget.base_bytes:
            self.measure_base()
        estimate = self.budget.estimate(model)
        place = shared
        try:
            with self._arriving(model, shared, estimate), _claim_released(model):
                await self._optimiser.give_way(estimate)
                await self.copies.make_room(estimate, model)
                room = self.budget.room_for(estimate, model)
                is_try = room < estimate
                # Beyond that it is ended: a small file may ask for more than there is.
                most = room if is_try else self.budget.left_bytes + int(TOLERANCE * self.budget.limit_bytes)
                with self.budget.reserve(room):
                    place = await self.scheduler.open_place(model) if shared is None or is_try else shared
                    model.arriving.add(place.index)
                    if model.state is State.UNLOADING:
                        raise ModelNotFound(f"Model not found: {model.name}")
                    header = await self._watched_load(model, place, deadline, most, is_try)
            self._note_loaded(model, place, header)
            await self._check_budget(model, place)
        except BaseException:
            if place is not None and place.owner is not None:
                await self.scheduler.close_place(place)
            raise
        finally:
            if place is not None:
                model.arriving.discard(place.index)
        return place

    @contextlib.contextmanager
    def _arriving(self, model: Model, shared: Place | None, estimate: int) -> Iterator[None]:
        index = UNOPENED if shared is None else shared.index
        model.arriving.add(index)
        if shared is not None:
            shared.arriving_bytes += estimate
        try:
            yield
        finally:
            model.arriving.discard(index)
            if shared is not None:
                shared.arriving_bytes -= estimate

    async def _watched_load(self, model: Model, place: Place, deadline: float, most: int, is_try: bool) -> wire.Header:
        """Load a model into a process that ends when it has taken more than `most`.

        One that passed it without a try is measured by that, and apart from others from then on: a shared worker ended
        with it. Raises InsufficientMemory, ModelTooLarge.
        """
        is_alone = self._is_alone(model)  # its end takes other models out of a shared worker
        watch = MemoryWatch(place, most)
        try:
            return await self._run_load(model, place, deadline, watch.begin)
        except WorkerCrashed as error:
            if not watch.is_passed:
                raise
            if not is_try:
                self.budget.learn(model, most)
                self._quarantine.note(model.url)
            if is_alone:
                raise self.budget.too_large(model, f"takes more than {most / MIB:.1f} MiB") from error
            self.budget.note_failed(model, most)
            raise self.budget.refusal(model.name, most) from error
        finally:
            watch.stop()

    def _is_alone(self, model: Model) -> bool:
        return not any(other.places or other.arriving for other in self._registry.all() if other is not model)

    async def _run(
        self, operation: str, model: Model, place: int, deadline: float, begun: Callable[[], None] | None = None
    ) -> wire.Header:
        """Load or unload a model in one worker."""
        header: wire.Header = {"operation": operation, "model": model.name, "url": model.url}
        return (await self.scheduler.run(header, deadline, model, place, begun))[0]

    async def _run_load(self, model: Model, place: Place, deadline: float, begun: Callable[[], None]) -> wire.Header:
        try:
            header = await self._run("load", model, place.index, deadline, begun)
        except (WorkerCrashed, ModelTimeout) as error:
            if model.state is State.UNLOADING:
                raise ModelNotFound(f"Model not found: {model.name}") from error
            if isinstance(error, ModelTimeout) or error.by_itself:  # it was begun, and is the reason
                self._quarantine.note(model.url)
            raise
        self._quarantine.loaded(model.url)
        return header

    def _note_loaded(self, model: Model, place: Place, header: wire.Header) -> None:
        if place.index not in self.scheduler.places or not place.ready:
            raise WorkerCrashed("the worker process died when it had loaded the model")
        model.engine = str(header["engine"]) or model.engine
        taken = place.private_bytes if place.owner is not None else int(header["taken_bytes"])  # type: ignore[call-overload]
        model.memory_bytes[place.index] = max(0, taken)
        model.places.add(place.index)
        # What an engine takes once in a shared worker would be learnt as the model's.
        if place.owner is not None or not header["engine_started"]:
            # Models that nobody knows yet have no optimised form, and arrange their weights when they run.
            is_typical = header.get("origin") != "form" and bool(header.get("has_run"))
            self.budget.learn(model, self._needed(model, place), is_typical=is_typical)
        if header.get("origin") == "optimisable file":
            self._optimiser.note(model, place)

    @staticmethod
    def _needed(model: Model, place: Place) -> int:
        """What a load took: of a process of its own all, for code; else what its shared successor will take."""
        empty = place.empty_bytes if place.owner is not None and not model.has_code else 0
        return max(0, model.memory_bytes[place.index] - empty) + model.mapped_bytes

    async def _check_budget(self, model: Model, place: Place) -> None:
        """Take a load back that was larger than expected."""
        if self.budget.exceeded_bytes() <= 0:
            return
        needed = self._needed(model, place)
        self.budget.learn(model, needed)
        await self.unload_from(model, place.index)
        if self._is_alone(model) and self.budget.can_never_fit(needed):
            raise self.budget.too_large(model, f"takes {needed / MIB:.1f} MiB")
        raise self.budget.refusal(model.name, needed)

    # Unloads.

    async def unload(self, model: Model) -> int:
        """Take a model out of every worker; returns the bytes that it had taken. Raises what a worker answers."""
        freed = 0
        for index in sorted((model.places | model.arriving) - {UNOPENED}):
            freed += await self.unload_from(model, index)
        return freed

    async def unload_from(self, model: Model, index: int) -> int:
        model.places.discard(index)
        place = self.scheduler.places.get(index)
        known = model.memory_bytes.pop(index, 0)
        if place is None:
            return known
        if place.owner is not None:
            await self.scheduler.close_place(place)
            return known
        try:
            deadline = time.perf_counter() + self._settings.load_seconds
            header = await self._run("unload", model, index, deadline)
        except WorkerCrashed:
            # Its memory went with it, and the worker that follows is not given this model any more.
            return known
        self._housekeeper.look_at_residue(place)
        return max(0, -int(header["taken_bytes"]))  # type: ignore[call-overload]

    def _on_lost(self, place: Place) -> None:
        """A process is gone, and its models with it. They are loaded again when they are asked for."""
        for model in self._registry.all():
            if model.places == {place.index} and model.state is State.READY:
                model.claimed_bytes = self._needed(model, place)
            model.places.discard(place.index)
            model.memory_bytes.pop(place.index, None)

    def _on_grown(self, model: Model, place: Place, header: wire.Header) -> None:
        """What a model takes has changed since its load: in its first run private copies of its weights took the place
        of the mapped ones that were counted until then, or it was loaded again from its form."""
        if place.index in model.memory_bytes:
            taken = int(header["taken_bytes"])  # type: ignore[call-overload]
            model.memory_bytes[place.index] = max(0, model.memory_bytes[place.index] + taken)
            self.budget.learn(model, self._needed(model, place), is_typical=header["origin"] != "form")

    def _on_starved(self, job: Job) -> None:
        self.copies.on_starved(job)

    # Memory.

    def measure_base(self) -> None:
        """Count this process, and those that workers are forked from."""
        self.budget.base_bytes = private_bytes() + self._zygotes.memory_bytes()

    def _workers_bytes(self) -> int:
        models = sum(model.mapped_bytes + model.claimed_bytes for model in self._registry.all())
        return models + sum(place.private_bytes for place in self.scheduler.places.values())


@contextlib.contextmanager
def _claim_released(model: Model) -> Iterator[None]:
    """A model that was lost with its worker kept its room: the load takes it, or leaves it as it was."""
    claim, model.claimed_bytes = model.claimed_bytes, 0
    try:
        yield
    except BaseException:
        model.claimed_bytes = claim
        raise
