"""Optimised forms of ONNX models: made in the background, once a machine, and then used by the workers.

A process of its own writes them, in a pause between jobs. A load ends that process at once: it needs the processor and
the memory, and the form is written in a later pause. The workers that hold the model then load it again from its form,
which gives their copies of the weights back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from .. import wire
from ..errors import ServerError
from ..settings import Settings
from .budget import MIB, MemoryBudget
from .places import Place
from .pool import Reply, WorkerProcess, settle
from .registry import Model, Registry, State
from .scheduler import Scheduler
from .zygotes import Zygotes

_log = logging.getLogger(__name__)
# Cores share caches and execution units: even a process that yields to all others would slow them. So it begins in a
# pause between jobs, or when there was none for so long.
_PAUSE_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 120.0
_LOOK_SECONDS = 0.25
# The file, the graph read from it, its optimised weights, and the copies of the two sessions that are compared.
_RATIO = 6
_NEEDS_BYTES = 64 * MIB


class Optimiser:
    """Writes forms one by one. `grown` is called with a model that was loaded from its form, its place, and the answer
    of the worker, which says by how much what it takes has changed."""

    def __init__(
        self,
        settings: Settings,
        zygotes: Zygotes,
        *,
        scheduler: Scheduler,
        budget: MemoryBudget,
        registry: Registry,
        grown: Callable[[Model, Place, wire.Header], None],
    ) -> None:
        self._settings = settings
        self._zygotes = zygotes
        self._budget = budget
        self._registry = registry
        self._scheduler = scheduler
        self._grown = grown
        self._waiting: asyncio.Queue[tuple[float, Model, Place]] = asyncio.Queue()
        self._process: WorkerProcess | None = None
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._gave_way = False

    def note(self, model: Model, place: Place) -> None:
        """A model was loaded there that may have an optimised form, and has none."""
        self._waiting.put_nowait((time.monotonic(), model, place))

    async def give_way(self, needed_bytes: int) -> None:
        """Let a load have the processor, and the memory where it needs that. The form is written later."""
        if self._process is not None:
            self._gave_way = True
            self._process.kill()
            if not self._budget.fits(needed_bytes):
                await self._at_rest.wait()

    async def run(self) -> None:
        """Take what was noted, for ever."""
        while True:
            noted_at, model, place = await self._waiting.get()
            while self._scheduler.idle_seconds < _PAUSE_SECONDS:
                if time.monotonic() - noted_at > _LONGEST_WAIT_SECONDS:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
            try:
                if self._is_there(model, place):
                    await self._optimise(model, place)
            except (ServerError, TimeoutError, OSError) as error:
                if self._gave_way:
                    self._gave_way = False
                    self.note(model, place)
                    continue
                _log.warning("model %s gets no optimised form: %s", model.name, error or "it took too long")
            except Exception:  # noqa: BLE001 - a fault of ours must not end this for the other models
                _log.exception("model %s gets no optimised form", model.name)

    def _is_there(self, model: Model, place: Place) -> bool:
        return model.state is State.READY and place.index in model.places and model in self._registry.all()

    async def _optimise(self, model: Model, place: Place) -> None:
        needed = _NEEDS_BYTES + _RATIO * model.artifact_bytes
        if not self._budget.fits(needed):
            _log.info("model %s gets no optimised form now: making it takes %d MiB", model.name, needed // MIB)
            return
        self._gave_way = False
        self._at_rest.clear()
        try:
            with self._budget.reserve(needed):
                obstacle = await self._write(model)
        finally:
            self._at_rest.set()
        if obstacle:
            _log.info("model %s has no optimised form: %s", model.name, obstacle)
        elif self._is_there(model, place):
            await self._reload(model, place)

    async def _write(self, model: Model) -> str:
        """Have a process write the form. Returns why there is none, or an empty text."""
        process = self._process = await WorkerProcess.start(self._zygotes)
        try:
            answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            header: wire.Header = {"operation": "optimise", "model": model.name, "url": model.url}
            process.call(header, b"", self._settings.load_seconds, lambda outcome: settle(answer, outcome))
            return str((await answer)[0]["obstacle"])
        finally:
            self._process = None
            process.kill()
            with contextlib.suppress(TimeoutError):
                await process.status()
            process.close()

    async def _reload(self, model: Model, place: Place) -> None:
        """Have a worker load a model from its optimised form. Raises what the worker answers."""
        deadline = time.perf_counter() + self._settings.load_seconds
        header: wire.Header = {"operation": "reload", "model": model.name, "url": model.url}
        answer, _ = await self._scheduler.run(header, deadline, model, place.index)
        if answer["origin"] == "form":
            self._grown(model, place, answer)
