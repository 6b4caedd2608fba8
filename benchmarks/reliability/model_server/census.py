"""What a server's processes are and hold, counted in /proc."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.server.processes import process_tree
from container.model_server.memory import anonymous_bytes

MIB = 2**20


@dataclass(frozen=True)
class Census:
    """Of a server and all its descendants.

    Attributes:
        processes: those that run.
        zombies: those that ended and were not waited for.
        threads: of all processes.
        descriptors: of all processes.
        memory_bytes: resident memory that no file backs, summed; what forks share counts once for each.
    """

    processes: int
    zombies: int
    threads: int
    descriptors: int
    memory_bytes: int


def census(pid: int) -> Census:
    """Count now. A process that ends meanwhile counts as far as it was read."""
    processes = zombies = threads = descriptors = memory = 0
    for member in process_tree(pid):
        folder = Path(f"/proc/{member}")
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                zombies += 1
                continue
            processes += 1
            threads += len(list((folder / "task").iterdir()))
            descriptors += len(list((folder / "fd").iterdir()))
            memory += anonymous_bytes(member)
        except OSError:
            continue
    return Census(processes, zombies, threads, descriptors, memory)


class PeakMemory:
    """The most that a server's processes held together, looked at a hundred times a second while the block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._before = self._most = 0

    @property
    def grown_bytes(self) -> int:
        """By how much it was more than at the beginning."""
        return self._most - self._before

    def __enter__(self) -> Self:
        self._before = self._most = self._now()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self._most = max(self._most, self._now())

    def _now(self) -> int:
        total = 0
        for member in process_tree(self._pid):
            try:
                total += anonymous_bytes(member)
            except OSError:
                continue
        return total


def forker(pid: int) -> psutil.Process:
    """The process that workers are forked from. Raises LookupError while there is none."""
    for child in psutil.Process(pid).children():
        if child.status() != psutil.STATUS_ZOMBIE:
            return child
    raise LookupError("no process forks workers now")


def workers(pid: int) -> list[psutil.Process]:
    """The worker processes, in the order they were started; none while the forker is replaced."""
    try:
        found = [child for child in forker(pid).children() if child.name() == "model-worker"]
        return sorted(
            (worker for worker in found if worker.status() != psutil.STATUS_ZOMBIE), key=lambda w: w.create_time()
        )
    except (LookupError, psutil.NoSuchProcess):
        return []


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, at most so long; whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
