"""Watches a process during a load, which may take more than there is room for."""

import asyncio

from ..memory import anonymous_bytes
from .places import Place
from .registry import Model

# A process fills a gigabyte or two a second: it has passed its room by some megabytes when it is ended.
_PERIOD_SECONDS = 0.01


class MemoryWatch:
    """Ends a place's process when the load of a model there has taken more than a room.

    From its making until `stop`; what other models' loads and requests take before the load begins does not count.
    """

    def __init__(self, place: Place, model: Model, room_bytes: int) -> None:
        self.is_passed = False
        self._watching = asyncio.get_running_loop().create_task(self._watch(place, model, room_bytes))

    def stop(self) -> None:
        self._watching.cancel()

    async def _watch(self, place: Place, model: Model, room_bytes: int) -> None:
        while place.job is None or place.job.place is None or place.job.model is not model:
            await asyncio.sleep(_PERIOD_SECONDS)
        process = place.process
        if process is None:
            return
        try:
            before = anonymous_bytes(process.pid)
            while anonymous_bytes(process.pid) - before <= room_bytes:
                await asyncio.sleep(_PERIOD_SECONDS)
        except OSError:
            return  # it ended by itself
        self.is_passed = True
        process.kill()
