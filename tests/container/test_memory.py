import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from container.model_server.memory import core_count, headroom_bytes, memory_limit_bytes

PROJECT = Path(__file__).resolve().parents[2]
MIB = 2**20


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text("MemTotal:       8388608 kB\nMemFree: 1 kB\n")
    return tmp_path


def limit(machine: Path, groups: str) -> int:
    (machine / "groups").write_text(groups)
    return memory_limit_bytes(machine / "cgroup", machine / "groups", machine / "meminfo")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_limit_it_is_the_machines_memory(machine: Path) -> None:
    assert limit(machine, "0::/\n") == 8 * 2**30
    write(machine / "cgroup/memory.max", "max\n")
    assert limit(machine, "0::/\n") == 8 * 2**30


def test_version_2(machine: Path) -> None:
    write(machine / "cgroup/memory.max", f"{512 * MIB}\n")
    assert limit(machine, "0::/\n") == 512 * MIB


def test_the_lowest_limit_of_all_groups_above_counts(machine: Path) -> None:
    write(machine / "cgroup/a/memory.max", f"{256 * MIB}\n")
    write(machine / "cgroup/a/b/memory.max", f"{512 * MIB}\n")
    assert limit(machine, "0::/a/b\n") == 256 * MIB


def test_version_1_and_its_no_limit(machine: Path) -> None:
    write(machine / "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert limit(machine, "4:cpu,memory:/\n1:name=systemd:/x\n") == 8 * 2**30
    write(machine / "cgroup/memory/docker/memory.limit_in_bytes", f"{300 * MIB}\n")
    assert limit(machine, "4:memory:/docker\n") == 300 * MIB


def test_a_path_outside_the_mount_is_not_followed(machine: Path) -> None:
    write(machine / "memory.max", "1\n")
    assert limit(machine, "0::/../..\n") == 8 * 2**30


# In a process that does nothing else: pages move between private and shared as the tests' own process forks and frees.
_MEASURE = """
import json, mmap, os
from container.model_server.memory import PrivateMemory, anonymous_bytes, private_bytes

def read():
    return {"private": private_bytes(os.getpid()), "anonymous": anonymous_bytes(), "followed": memory.bytes()}

memory = PrivateMemory()
readings = [read()]
with mmap.mmap(-1, 32 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
    block.write(b"x" * (32 * 2**20))
    readings.append(read())
readings.append(read())
print(json.dumps(readings))
"""


def test_private_memory_follows_what_the_process_holds() -> None:
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    before, during, after = json.loads(measured)
    assert {name: round((during[name] - before[name]) / MIB) for name in before} == dict.fromkeys(before, 32)
    assert {name: round((after[name] - before[name]) / MIB) for name in before} == dict.fromkeys(before, 0)


def cores(machine: Path, groups: str) -> int:
    (machine / "groups").write_text(groups)
    return core_count(machine / "cgroup", machine / "groups")


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("9000000 100000", 8)],
)
@pytest.mark.usefixtures("eight_cores")
def test_the_quota_of_version_2_limits_the_cores(machine: Path, quota: str, expected: int) -> None:
    write(machine / "cgroup/cpu.max", quota + "\n")
    assert cores(machine, "0::/\n") == expected


@pytest.mark.usefixtures("eight_cores")
def test_the_lowest_quota_above_limits_the_cores(machine: Path) -> None:
    write(machine / "cgroup/a/cpu.max", "300000 100000\n")
    write(machine / "cgroup/a/b/cpu.max", "max 100000\n")
    assert cores(machine, "0::/a/b\n") == 3


@pytest.mark.usefixtures("eight_cores")
def test_the_quota_of_version_1_limits_the_cores(machine: Path) -> None:
    write(machine / "cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(machine / "cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert cores(machine, "3:cpu,cpuacct:/\n") == 8
    write(machine / "cgroup/cpu/cpu.cfs_quota_us", "400000\n")
    assert cores(machine, "3:cpu,cpuacct:/\n") == 4


_MEASURE_FILE = """
import mmap, sys
from container.model_server.memory import private_bytes

before = private_bytes()
with open(sys.argv[1], "w+b") as file:
    file.write(bytes(32 * 2**20))
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        total = sum(mapped[position] for position in range(0, len(mapped), 4096))
        print(private_bytes() - before)
"""


def test_freshly_written_files_are_nobodys_private_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _MEASURE_FILE, str(tmp_path / "weights")]
    measured = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert int(measured) < 2 * MIB


def headroom(machine: Path, groups: str) -> int | None:
    (machine / "groups").write_text(groups)
    return headroom_bytes(machine / "cgroup", machine / "groups")


def test_the_kernels_accounts_of_version_2(machine: Path) -> None:
    assert headroom(machine, "0::/a\n") is None
    write(machine / "cgroup/a/memory.max", "1000\n")
    assert headroom(machine, "0::/a\n") is None
    write(machine / "cgroup/a/memory.stat", "anon 300\nfile 5000\nshmem 100\n")
    assert headroom(machine, "0::/a\n") == 600
    write(machine / "cgroup/a/memory.stat", "anon 300\nfile 5000\nfile_mapped 250\nshmem 100\n")
    assert headroom(machine, "0::/a\n") == 450
    write(machine / "cgroup/memory.max", "1200\n")
    write(machine / "cgroup/memory.stat", "anon 900\nfile 5000\nshmem 100\n")
    assert headroom(machine, "0::/a\n") == 200


def test_the_kernels_accounts_of_version_1(machine: Path) -> None:
    write(machine / "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(machine / "cgroup/memory/memory.stat", "rss 1\ntotal_rss 300\ntotal_shmem 50\ntotal_mapped_file 100\n")
    assert headroom(machine, "4:memory:/\n") is None
    write(machine / "cgroup/memory/memory.limit_in_bytes", "1000\n")
    assert headroom(machine, "4:memory:/\n") == 600


_MAP = """
import mmap, os, sys, time
from multiprocessing import shared_memory
from container.model_server.memory import mapped_bytes, private_bytes

folder = sys.argv[1]
print(mapped_bytes(os.getpid(), folder))
with open(f"{folder}/weights", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
    print(mapped_bytes(os.getpid(), folder))
    half = sum(mapped[position] for position in range(0, len(mapped) // 2, 4096))
    print(mapped_bytes(os.getpid(), folder), mapped_bytes(os.getpid(), folder + "-other"))
before = private_bytes()
block = shared_memory.SharedMemory(create=True, size=32 * 2**20)
block.buf[:] = bytes(b"x") * block.size
print(private_bytes() - before)
block.close()
block.unlink()
"""


def test_mapped_files_count_as_far_as_they_are_resident_and_shared_memory_counts(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"x" * 64 * MIB)
    command = [sys.executable, "-c", _MAP, str(tmp_path)]
    lines = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    none, mapped, read, shared = lines
    assert (none, mapped) == ("0", "0")
    assert 32 * MIB <= int(read.split()[0]) < 40 * MIB and read.split()[1] == "0"
    assert 32 * MIB <= int(shared) < 34 * MIB
