"""What a server takes: all of its processes together, as the kernel accounts it."""

from dataclasses import astuple, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Memory:
    """Memory of a process tree.

    Attributes:
        private_bytes: pages that one process alone has written (Private_Dirty of smaps_rollup), summed.
        file_bytes: mapped pages of the page cache (Pss_File), each counted once. The kernel can drop them.
        proportional_bytes: all pages (Pss), shared ones by their share, summed.
        processes: number of processes counted.
    """

    private_bytes: int
    file_bytes: int
    proportional_bytes: int
    processes: int


def process_tree(pid: int) -> list[int]:
    """The process and all of its descendants that are alive, by id; empty when the process is gone."""
    try:
        root = psutil.Process(pid)
        return [pid, *(child.pid for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def parse_smaps_rollup(text: str) -> Memory:
    """Memory of one process, from its smaps_rollup file's text."""
    fields = (line.split(":", 1) for line in text.splitlines()[1:])
    bytes_of = {name: int(value.split()[0]) * 1024 for name, value in fields}
    return Memory(bytes_of["Private_Dirty"], bytes_of["Pss_File"], bytes_of["Pss"], processes=1)


def measure_memory(pid: int) -> Memory:
    """Memory of the process and its descendants now. A process that ends meanwhile counts as zero."""
    found = []
    for process in process_tree(pid):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text:
            found.append(parse_smaps_rollup(text))
    return Memory(*(sum(values) for values in zip(*map(astuple, found), strict=True))) if found else Memory(0, 0, 0, 0)


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
