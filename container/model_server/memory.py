"""How much memory and how many cores the container has, and how much memory a process holds."""

import os
from pathlib import Path

from .process_tree import children

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


def headroom_bytes(cgroup: Path = _CGROUP, own_groups: Path = Path("/proc/self/cgroup")) -> int | None:
    """What the kernel lets the container's processes still allocate, by its own accounts: the lowest of the cgroup's
    limits less what it cannot take back without harm: anonymous and shared memory, and pages of mapped files (weights
    would be read from disk again and again). None where no cgroup sets a limit, or none can be read."""
    found = []
    for line in own_groups.read_text().splitlines() if own_groups.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += _headrooms(_groups_upwards(cgroup, path), "memory.max", ("anon", "shmem", "file_mapped"))
        elif "memory" in controllers.split(","):
            groups = _groups_upwards(cgroup / "memory", path)
            found += _headrooms(groups, "memory.limit_in_bytes", ("total_rss", "total_shmem", "total_mapped_file"))
    return min(found, default=None)


# Version 1 says "no limit" with the largest number of pages.
_NO_LIMIT = 2**62


def _headrooms(groups: list[Path], limit_name: str, kept: tuple[str, str, str]) -> list[int]:
    found = []
    for group in groups:
        limit_file, accounts = group / limit_name, group / "memory.stat"
        limit = limit_file.read_text().strip() if limit_file.is_file() else "max"
        if limit.isdecimal() and int(limit) < _NO_LIMIT and accounts.is_file():
            stat = dict(line.split() for line in accounts.read_text().splitlines())
            anonymous, shared, mapped = (int(stat.get(name, 0)) for name in kept)
            found.append(int(limit) - anonymous - max(shared, mapped))  # mapped shared memory is in both
    return found


def core_count(cgroup: Path = _CGROUP, own_groups: Path = Path("/proc/self/cgroup")) -> int:
    """Cores that this process may use: those of its affinity, within the cgroup's quota (version 2 or 1). Of a quota's
    fraction nothing is used, since a group that passes its quota is stopped for the rest of the period."""
    cores = [len(os.sched_getaffinity(0))]
    for line in own_groups.read_text().splitlines() if own_groups.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            for text in _texts_upwards(cgroup, path, "cpu.max"):
                quota, _, period = text.partition(" ")
                cores += _quota_cores(quota, period)
        elif "cpu" in controllers.split(","):
            quotas = _texts_upwards(cgroup / "cpu", path, "cpu.cfs_quota_us")
            periods = _texts_upwards(cgroup / "cpu", path, "cpu.cfs_period_us")
            for quota, period in zip(quotas, periods, strict=False):
                cores += _quota_cores(quota, period)
    return min(cores)


def _quota_cores(quota: str, period: str) -> list[int]:
    return [max(1, int(quota) // int(period))] if quota.isdecimal() and period.isdecimal() and int(period) else []


def _limits_upwards(mount: Path, path: str, file_name: str) -> list[int]:
    return [int(text) for text in _texts_upwards(mount, path, file_name) if text.isdecimal()]


def _texts_upwards(mount: Path, path: str, file_name: str) -> list[str]:
    """What the file says in the group and in all above it: any of them limits the process."""
    files = [folder / file_name for folder in _groups_upwards(mount, path)]
    return [file.read_text().strip() for file in files if file.is_file()]


def _groups_upwards(mount: Path, path: str) -> list[Path]:
    group = mount / path.lstrip("/")
    if ".." in group.parts:
        group = mount
    return [folder for folder in [group, *group.parents] if folder == mount or mount in folder.parents]


def _meminfo_total_bytes(meminfo: Path) -> int:
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * _KIB
    raise ValueError(f"{meminfo} has no MemTotal line")


def private_bytes(pid: int | str = "self") -> int:
    """Memory that only this process holds and no file has: what its end would give back. Of shared memory its part.

    Pages shared with the process it was forked from are not counted, nor those of mapped files, freshly written or not.
    Raises OSError (FileNotFoundError, ProcessLookupError) when the process is gone.
    """
    kib = dict.fromkeys(("Private_Dirty", "Shared_Dirty", "Anonymous", "SwapPss", "Pss_Shmem"), 0)
    with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in kib:
                kib[name] = int(value.split()[0])
    # Pages of a file that is not written back yet are dirty too, but not anonymous.
    anonymous = min(kib["Private_Dirty"], max(0, kib["Anonymous"] - kib["Shared_Dirty"]))
    return (anonymous + kib["SwapPss"] + kib["Pss_Shmem"]) * _KIB


def descendants_bytes(pid: int) -> tuple[int, int]:
    """`private_bytes` of a process, and that of all its descendants together. Raises OSError when it is gone."""
    own = private_bytes(pid)
    total = 0
    waiting = children(pid)
    while waiting:
        child = waiting.pop()
        try:
            total += private_bytes(child)
            waiting += children(child)
        except OSError:
            continue  # it ended meanwhile
    return own, total


def mapped_bytes(pid: int, folder: str) -> int:
    """Resident pages of the files below a folder that a process or its descendants have mapped; of pages that several
    processes share, their part. Raises OSError when the process is gone."""
    total = _mapped_bytes(pid, folder)
    for child in children(pid):
        try:
            total += mapped_bytes(child, folder)
        except OSError:
            continue  # it ended meanwhile
    return total


def _mapped_bytes(pid: int, folder: str) -> int:
    inside = f" {folder.rstrip('/')}/"
    if inside not in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="surrogateescape"):
        return 0  # the usual case, and cheap
    total, counts = 0, False
    with Path(f"/proc/{pid}/smaps").open(encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if "-" in line.partition(" ")[0]:  # a mapping's first line begins with its addresses
                counts = inside in line
            elif counts and line.startswith(("Pss:", "Pss_Anon:")):
                # Pages that were written to are anonymous, and counted there.
                kib = int(line.split()[1])
                total += kib if line.startswith("Pss:") else -kib
    return total * _KIB


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
        # Pages of the parent are written to mostly in the beginning: walk at reads 1 to 4, 8, 16, ... too.
        if self._reads <= 4 or self._reads % self._WALK_EVERY == 0 or self._reads & (self._reads - 1) == 0:
            self._walk()
            return self._private
        return max(0, self._private + anonymous_bytes() - self._anonymous)
