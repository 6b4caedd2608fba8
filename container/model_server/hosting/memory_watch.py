"""Watches a process during a load, which may take more than there is room for."""

import asyncio

from ..memory import anonymous_bytes
from .places import Place

# A process fills a gigabyte or two a second: it has passed its room by some megabytes when it is ended.
_PERIOD_SECONDS = 0.01


class MemoryWatch:
    """Ends a place's process when a load there has taken more than a room, from `begin` until `stop`."""

    def __init__(self, place: Place, room_bytes: int) -> None:
        self.is_passed = False
        self._place = place
        self._room_bytes = room_bytes
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The load begins: what other models took before does not count."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        process = self._place.process
        if process is None:
            return
        try:
            before = anonymous_bytes(process.pid)
            while anonymous_bytes(process.pid) - before <= self._room_bytes:
                await asyncio.sleep(_PERIOD_SECONDS)
        except OSError:
            return  # it ended by itself
        self.is_passed = True
        process.kill()
