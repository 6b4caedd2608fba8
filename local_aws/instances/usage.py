"""What the processes of an instance use of the machine."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Usage:
    """Processor time since the start, and memory now, of a process with all it started."""

    cpu_seconds: float
    memory_bytes: int
    """Memory that several of them share counts once."""


def usage_of(pid: int) -> Usage | None:
    """Usage of the process and its descendants, None where it has ended."""
    try:
        first = psutil.Process(pid)
        processes = [first, *_descendants(first)]
    except psutil.NoSuchProcess:
        return None
    cpu_seconds, memory_bytes = 0.0, 0
    for process in processes:
        try:
            times = process.cpu_times()
            cpu_seconds += times.user + times.system
            if process is first:  # with those of children that have ended
                cpu_seconds += times.children_user + times.children_system
            memory_bytes += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return Usage(cpu_seconds, memory_bytes)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    """As psutil finds them by looking at every process of the machine; Linux can say whose children are whose."""
    tasks = Path(f"/proc/{process.pid}/task")
    if not (tasks / str(process.pid) / "children").exists():
        return process.children(recursive=True)
    found = []
    for task in tasks.iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:  # the thread has ended
            continue
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                child = psutil.Process(int(pid))
                found += [child, *_descendants(child)]
    return found
