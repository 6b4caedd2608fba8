"""One simulated instance: its workers, its memory with the models that are loaded, its disk."""

from collections import OrderedDict, deque
from heapq import heapreplace
from itertools import islice

_NEVER = float("-inf")
_EXAMINED = 64


class Instance:
    """State only. `simulation` has the hot path and reads the attributes directly.

    Attributes:
        free: a heap with the time at which each worker has done all that was given to it.
        loaded: models that can be invoked, the least recently used first.
        busy_until: when the last request of a loaded model that was under way ends.
        waiting: for each model that is on its way, the invocations that wait for it.
        running: a heap of the times at which requests end; kept only where there are several instances.
        room_queue: models that are downloaded and wait for memory.
    """

    __slots__ = (
        "_disk_bytes",
        "_disk_limit",
        "_unloaded",
        "busy_until",
        "evictions",
        "free",
        "loaded",
        "loads",
        "makes_room",
        "memory_limit",
        "peak_bytes",
        "room_queue",
        "running",
        "used_bytes",
        "waiting",
        "waiting_count",
    )

    def __init__(self, workers: int, memory_bytes: float, disk_bytes: float) -> None:
        self.free = [_NEVER] * workers
        self.loaded: OrderedDict[int, None] = OrderedDict()
        self.busy_until: dict[int, float] = {}
        self.waiting: dict[int, list[int]] = {}
        self.waiting_count = 0
        self.running: list[float] = []
        self.room_queue: deque[int] = deque()
        self.makes_room = False
        self.memory_limit = memory_bytes
        self.used_bytes = 0
        self.peak_bytes = 0
        self.loads = 0
        self.evictions = 0
        self._unloaded: OrderedDict[int, int] = OrderedDict()
        self._disk_limit = disk_bytes
        self._disk_bytes = 0

    def work(self, ready: float, seconds: float) -> float:
        """Give the first worker that is free something to do; returns when it is done."""
        free = self.free
        start = free[0] if free[0] > ready else ready
        heapreplace(free, start + seconds)
        return start + seconds

    def reserve(self, memory_bytes: int) -> None:
        self.used_bytes += memory_bytes
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)

    def least_recently_used(self, now: float) -> tuple[int | None, float]:
        """The model to unload: the least recently used without a request under way; else None, and when to ask again.

        Requests end about in the order in which they began, so where the first models are all at work the others are.
        """
        busy, soonest = self.busy_until, float("inf")
        for model in islice(self.loaded, _EXAMINED):
            until = busy[model]
            if until <= now:
                return model, now
            soonest = min(soonest, until)
        return None, soonest

    def unload(self, model: int, memory_bytes: int, artifact_bytes: int) -> None:
        """Take a model out of memory. Its artifact stays on the disk until others need the space."""
        del self.loaded[model]
        del self.busy_until[model]
        self.used_bytes -= memory_bytes
        self.evictions += 1
        self._unloaded[model] = artifact_bytes
        self._trim_disk()

    def take_from_disk(self, model: int, artifact_bytes: int) -> bool:
        """Whether the artifact of a model that is to be loaded is on the disk already; it is from now on.

        Those that have been unloaded for longest make room for it.
        """
        if self._unloaded.pop(model, None) is not None:
            return True
        self._disk_bytes += artifact_bytes
        self._trim_disk()
        return False

    def _trim_disk(self) -> None:
        while self._disk_bytes > self._disk_limit and self._unloaded:
            self._disk_bytes -= self._unloaded.popitem(last=False)[1]
