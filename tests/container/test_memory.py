import json
import subprocess
import sys
from pathlib import Path

import pytest

from container.model_server.memory import memory_limit_bytes

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
