"""Watches a process during a load that may take more than there is room for."""

import asyncio

from ..memory import anonymous_bytes
from .places import Place

# A process fills a gigabyte or two a second: it has passed its room by some megabytes when it is ended.
_PERIOD_SECONDS = 0.01


class MemoryWatch:
    """Ends a place's process when it has taken more than a room. From its making until `stop`."""

    def __init__(self, place: Place, room_bytes: int) -> None:
        self.is_passed = False
        self._watching = asyncio.get_running_loop().create_task(self._watch(place, room_bytes))

    def stop(self) -> None:
        self._watching.cancel()

    async def _watch(self, place: Place, room_bytes: int) -> None:
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
