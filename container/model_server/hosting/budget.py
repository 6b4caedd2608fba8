"""The memory budget: whether another model fits, decided before anything is loaded and checked after."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator

from ..errors import InsufficientMemory, ModelTooLarge
from .registry import Model

MIB = 1024 * 1024
# By how much of the budget processes may pass it: the next load is refused, and SageMaker unloads models for it.
TOLERANCE = 1 / 16
_REMEMBERED_MODELS = 10_000
# Until models were measured: weights as loaded, once more as the engine arranges them, and some of its own.
_FIRST_RATIO = 2.0
_LEAST_BYTES = 1 * MIB


class MemoryBudget:
    """Counts what all processes hold against a limit.

    `base_bytes` are the processes without models, `workers_bytes` the others. What a model will take is what it took
    last time; for an unknown one, its size on disk times the ratio seen so far. `headroom_bytes` is what the kernel
    lets the container allocate still, None where it sets no limit.
    """

    def __init__(
        self,
        limit_bytes: int,
        workers_bytes: Callable[[], int],
        headroom_bytes: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.limit_bytes = limit_bytes
        self._headroom_bytes = headroom_bytes
        self._workers_bytes = workers_bytes
        self.base_bytes = 0
        self._reserved_bytes = 0
        self._seen: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._ratio = _FIRST_RATIO
        self._failed_rooms: OrderedDict[tuple[str, int], int] = OrderedDict()

    @property
    def used_bytes(self) -> int:
        return self.base_bytes + self._workers_bytes() + self._reserved_bytes

    def exceeded_bytes(self) -> int:
        """By how much the budget is passed; 0 or less when it is kept."""
        return self.used_bytes - self.limit_bytes

    @property
    def room_bytes(self) -> int:
        """What there is for models when none is loaded."""
        return max(0, self.limit_bytes - self.base_bytes)

    def fits(self, needed_bytes: int) -> bool:
        """Whether there is room by this budget's accounts, and by the kernel's, which know of all that runs beside."""
        headroom = self._headroom_bytes()
        return self.used_bytes + needed_bytes <= self.limit_bytes and (headroom is None or needed_bytes <= headroom)

    @property
    def left_bytes(self) -> int:
        """What a load may take now."""
        headroom = self._headroom_bytes()
        left = self.limit_bytes - self.used_bytes
        return max(0, left if headroom is None else min(left, headroom))

    def may_be_tried(self, model: Model) -> bool:
        """Whether a load that does not fit by the estimate is worth a try: the estimate is a guess, and there is more
        room than when a try failed."""
        key = (model.name, model.artifact_bytes)
        return key not in self._seen and self.left_bytes > max(_LEAST_BYTES, self._failed_rooms.get(key, 0))

    def note_failed(self, model: Model, room_bytes: int) -> None:
        """A try did not fit into this room."""
        self._failed_rooms[model.name, model.artifact_bytes] = room_bytes
        if len(self._failed_rooms) > _REMEMBERED_MODELS:
            self._failed_rooms.popitem(last=False)

    def can_never_fit(self, needed_bytes: int) -> bool:
        """Whether a model would not fit if all others were unloaded."""
        return needed_bytes > self.room_bytes

    def knows(self, model: Model) -> bool:
        """Whether the model was measured before; its estimate is a guess otherwise."""
        return (model.name, model.artifact_bytes) in self._seen

    def estimate(self, model: Model) -> int:
        known = self._seen.get((model.name, model.artifact_bytes))
        return max(_LEAST_BYTES, int(model.artifact_bytes * self._ratio) if known is None else known)

    def learn(self, model: Model, measured_bytes: int, is_typical: bool = True) -> None:
        """Remember what a model took. `is_typical`: whether it says something about unknown models as well."""
        key = (model.name, model.artifact_bytes)
        self._seen[key] = measured_bytes
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED_MODELS:
            self._seen.popitem(last=False)
        # What code takes says nothing about checkpoints of another size.
        if is_typical and model.artifact_bytes > MIB and not model.has_code:
            self._ratio += 0.2 * (measured_bytes / model.artifact_bytes - self._ratio)

    @contextlib.contextmanager
    def reserve(self, needed_bytes: int) -> Iterator[None]:
        """Hold room for a load while it runs."""
        self._reserved_bytes += needed_bytes
        try:
            yield
        finally:
            self._reserved_bytes -= needed_bytes

    def room_for(self, estimate: int, model: Model) -> int:
        """What to reserve for a load: less than the estimate for one that is only tried.

        Raises InsufficientMemory, ModelTooLarge.
        """
        if self.fits(estimate):
            return estimate
        if self.may_be_tried(model):
            return min(self.left_bytes, estimate - 1)
        if self.can_never_fit(estimate) and self.knows(model):
            raise self.too_large(model, f"takes {estimate / MIB:.1f} MiB")
        raise self.refusal(model.name, estimate)

    def too_large(self, model: Model, need: str) -> ModelTooLarge:
        return ModelTooLarge(
            f"model {model.name} {need}, and there are {self.room_bytes / MIB:.1f} MiB for models: it needs an "
            "instance with more memory"
        )

    def refusal(self, name: str, needed_bytes: int) -> InsufficientMemory:
        return InsufficientMemory(
            f"Insufficient memory: model {name} needs about {needed_bytes / MIB:.1f} MiB, "
            f"{self.used_bytes / MIB:.1f} of {self.limit_bytes / MIB:.1f} MiB are in use. Unload a model and try again."
        )
