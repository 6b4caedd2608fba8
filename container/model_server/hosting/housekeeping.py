"""What the server looks at every few seconds: memory that grew or stayed behind, copies of models that cooled down."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from ..errors import ServerError
from ..memory import descendants_bytes, mapped_bytes
from ..telemetry.observer import Observer
from .budget import MIB, TOLERANCE, MemoryBudget
from .places import Place
from .registry import Model, Registry
from .scheduler import Scheduler

_log = logging.getLogger(__name__)
_PERIOD_SECONDS = 5.0
_COOL_SECONDS = 60.0
# What a shared worker may keep that none of its models accounts for: the engines' own memory, pieces of the heap.
_RESIDUE_BYTES = 96 * MIB
# Models take more with their requests than they did when they were loaded: under Zipf traffic over 150 small networks
# a worker held a third more. That is their memory, and no reason to lose them all.
_GROWTH_OF_MODELS = 0.5
# A worker that grew by less is not the one to blame when the budget is passed.
_GROWTH_BYTES = 16 * MIB


class GivenBack(Protocol):
    """What is needed of the copies."""

    def copied(self) -> list[Model]: ...
    async def drop_copy(self, model: Model, reason: str) -> None: ...


class Housekeeper:
    """Measures all processes, and replaces those that hold what is nobody's."""

    def __init__(
        self,
        copies: GivenBack,
        measure_base: Callable[[], None],
        *,
        scheduler: Scheduler,
        budget: MemoryBudget,
        registry: Registry,
        observer: Observer,
    ) -> None:
        self._copies = copies
        self._measure_base = measure_base
        self._scheduler = scheduler
        self._budget = budget
        self._registry = registry
        self._observer = observer

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            try:
                await self.look()
            except (ServerError, OSError) as error:
                _log.warning("housekeeping failed, going on: %s", error)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the watch over memory
                _log.exception("housekeeping failed, going on")

    async def look(self) -> None:
        """Measure, replace what leaks, keep the budget, give back copies that nobody needs."""
        await asyncio.to_thread(self._measure)
        for place in self._scheduler.shared:
            self.look_at_residue(place)
        self._keep_budget()
        for model in self._copies.copied():
            if time.monotonic() - model.used_at > _COOL_SECONDS:
                await self._copies.drop_copy(model, f"not used for {_COOL_SECONDS:g} s")

    def _measure(self) -> None:
        self._measure_base()
        for place in list(self._scheduler.places.values()):
            process = place.process
            if process is not None and place.ready:
                try:
                    process.private_bytes, process.descendants_bytes = descendants_bytes(process.pid)
                    if place.owner is not None and place.owner.has_code:
                        mapped = mapped_bytes(process.pid, place.owner.url)
                        # The most so far: pages that were taken back are read again, and others' place is no room.
                        place.owner.code_mapped_bytes = max(place.owner.code_mapped_bytes, mapped)
                except OSError:
                    continue  # it ended meanwhile

    def _taken(self, place: Place) -> int:
        """What a process's models took when they were loaded."""
        return sum(model.memory_bytes.get(place.index, 0) for model in self._registry.all())

    def _residue(self, place: Place) -> int:
        """What a process holds beyond that."""
        return place.private_bytes - self._taken(place) - (place.empty_bytes if place.owner is None else 0)

    def look_at_residue(self, place: Place) -> None:
        """Replace a shared worker that keeps much more than its models account for."""
        residue = self._residue(place)
        allowed = _RESIDUE_BYTES + _GROWTH_OF_MODELS * self._taken(place)
        if place.free and residue > allowed and not place.arriving_bytes:
            self._recycle(place, residue, "it kept memory that no model of its accounts for")

    def _keep_budget(self) -> None:
        """Models may grow between loads: replace the worker that grew most until the budget is kept.

        A load checks the budget itself when it is done, and what it took.
        """
        places = list(self._scheduler.places.values())
        loading = [place for place in places if place.is_moving_models]
        exceeded = self._budget.exceeded_bytes() - sum(place.private_bytes for place in loading if place.owner)
        tolerated = TOLERANCE * self._budget.limit_bytes
        grown = sorted((place for place in places if place not in loading), key=self._residue, reverse=True)
        for place in grown:
            residue = self._residue(place)
            if exceeded <= tolerated or residue < _GROWTH_BYTES:
                break
            exceeded -= residue
            self._recycle(place, residue, "it grew, and the memory budget was passed")
        if exceeded > tolerated:
            _log.error("the memory budget is passed by %.0f MiB, and no worker grew", exceeded / MIB)

    def _recycle(self, place: Place, residue: int, reason: str) -> None:
        models = [model.name for model in self._registry.held_by(place.index)]
        self._observer.recycled(place.index, models, residue, reason)
        self._scheduler.retire(place)
