"""How much memory the container has, how much a process holds, and the budget that decides a 507."""

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_KIB = 1024


def memory_limit_bytes(
    cgroup: Path = _CGROUP, own_groups: Path = Path("/proc/self/cgroup"), meminfo: Path = Path("/proc/meminfo")
) -> int:
    """The container's memory limit: the lowest of the cgroup's (version 2 or 1) and the machine's memory."""
    limits = [_meminfo_total_bytes(meminfo)]
    for line in own_groups.read_text().splitlines() if own_groups.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            # Inside a container's cgroup namespace the own path is "/", at the root of the mount.
            limits += _limits_upwards(cgroup, path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits_upwards(cgroup / "memory", path, "memory.limit_in_bytes")
    return min(limits)


def _limits_upwards(mount: Path, path: str, file_name: str) -> list[int]:
    """Limits of the group and of all above it: any of them stops the process."""
    group = mount / path.lstrip("/")
    if ".." in group.parts:
        group = mount
    folders = [folder for folder in [group, *group.parents] if folder == mount or mount in folder.parents]
    found = []
    for folder in folders:
        file = folder / file_name
        text = file.read_text().strip() if file.is_file() else "max"
        if text.isdecimal():
            found.append(int(text))
    return found


def _meminfo_total_bytes(meminfo: Path) -> int:
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * _KIB
    raise ValueError(f"{meminfo} has no MemTotal line")


def private_bytes(pid: int | str = "self") -> int:
    """Memory that only this process holds: what its end would give back.

    Pages shared with the process it was forked from, and file pages that others map, are not counted.
    Raises OSError (FileNotFoundError, ProcessLookupError) when the process is gone.
    """
    total_kib = 0
    with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as file:
        for line in file:
            if line.startswith("Private_"):
                total_kib += int(line.split()[1])
    return total_kib * _KIB
