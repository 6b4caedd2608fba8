"""A worker's position: its process may be replaced, the position stays."""

from collections import deque
from dataclasses import dataclass, field

from .jobs import Job
from .pool import WorkerProcess
from .registry import Model


@dataclass(eq=False)
class Place:
    """A position for a worker process.

    Attributes:
        owner: the only model that is loaded there, for a place of its own; None for one that models share.
        ready: whether its process takes work.
        bound: loads and unloads that wait for this worker.
        after_bound: whether the last job was one of those: an invocation goes next.
        arriving_bytes: what the loads under way are expected to take there.
        empty_bytes: what the process held when it was started.
        is_retiring: the process ends as soon as it is idle.
    """

    index: int
    owner: Model | None = None
    process: WorkerProcess | None = None
    ready: bool = False
    job: Job | None = None
    bound: deque[Job] = field(default_factory=deque)
    after_bound: bool = False
    arriving_bytes: int = 0
    empty_bytes: int = 0
    is_retiring: bool = False

    @property
    def free(self) -> bool:
        return self.ready and self.job is None and not self.is_retiring

    @property
    def is_moving_models(self) -> bool:
        """Whether it is loading or unloading, which may take long, or has no process to work with."""
        return not self.ready or self.is_retiring or (self.job is not None and self.job.place is not None)

    @property
    def private_bytes(self) -> int:
        return 0 if self.process is None else self.process.private_bytes + self.process.descendants_bytes
