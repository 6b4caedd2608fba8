"""What a server takes: all of its processes together, as the kernel accounts it."""

from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Memory:
    """Memory of a process tree.

    Attributes:
        private_bytes: pages that only one process maps (Private_Clean + Private_Dirty of smaps_rollup), summed.
        proportional_bytes: Pss of smaps_rollup, summed: like private_bytes, and shared pages by their share.
        processes: number of processes counted.
    """

    private_bytes: int
    proportional_bytes: int
    processes: int


def process_tree(pid: int) -> list[int]:
    """The process and all of its descendants that are alive, by id; empty when the process is gone."""
    try:
        root = psutil.Process(pid)
        return [pid, *(child.pid for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def parse_smaps_rollup(text: str) -> tuple[int, int]:
    """(private bytes, proportional bytes) of one smaps_rollup file's text."""
    kilobytes = {}
    for line in text.splitlines()[1:]:
        name, value = line.split(":", 1)
        kilobytes[name] = int(value.split()[0])
    return (kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]) * 1024, kilobytes["Pss"] * 1024


def measure_memory(pid: int) -> Memory:
    """Memory of the process and its descendants now. A process that ends meanwhile counts as zero."""
    private_bytes = proportional_bytes = processes = 0
    for process in process_tree(pid):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if not text:
            continue
        private, proportional = parse_smaps_rollup(text)
        private_bytes += private
        proportional_bytes += proportional
        processes += 1
    return Memory(private_bytes, proportional_bytes, processes)


def processor_seconds(pid: int) -> float:
    """Processor time that the process and its descendants have used so far."""
    total = 0.0
    for process in process_tree(pid):
        try:
            times = psutil.Process(process).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
