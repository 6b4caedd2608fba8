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
    """Memory that only this process holds and no file has: what its end would give back.

    Pages shared with the process it was forked from are not counted, nor clean pages of mapped files, which the kernel
    takes back when memory is short. Raises OSError (FileNotFoundError, ProcessLookupError) when the process is gone.
    """
    total_kib = 0
    with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as file:
        for line in file:
            if line.startswith("Private_Dirty:"):
                total_kib += int(line.split()[1])
    return total_kib * _KIB


def anonymous_bytes(pid: int | str = "self") -> int:
    """Resident memory of a process that no file backs, shared with its forks or not. Costs microseconds."""
    with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * _KIB
    return 0


class PrivateMemory:
    """What this process holds alone, cheap enough to be read after every load.

    `private_bytes` walks all pages, which takes 10 ms and more in a large process. Between two such walks the change of
    anonymous memory is added; what that misses (pages of the parent written to for the first time) is small.
    Pages of mapped files are left out: the kernel takes them back when memory is short.
    """

    _WALK_EVERY = 64

    def __init__(self) -> None:
        self._reads = 0
        self._walk()

    def _walk(self) -> None:
        self._private = private_bytes()
        self._anonymous = anonymous_bytes()

    def bytes(self) -> int:
        self._reads += 1
        # Pages of the parent are written to mostly in the beginning: walk at reads 1, 2, 4, 8, ... too.
        if self._reads % self._WALK_EVERY == 0 or self._reads & (self._reads - 1) == 0:
            self._walk()
            return self._private
        return max(0, self._private + anonymous_bytes() - self._anonymous)
