import mmap
import os
from pathlib import Path

import pytest

from container.model_server.memory import PrivateMemory, anonymous_bytes, memory_limit_bytes, private_bytes

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


def test_private_memory_follows_what_the_process_holds() -> None:
    memory = PrivateMemory()
    before, anonymous = private_bytes(os.getpid()), anonymous_bytes()
    with mmap.mmap(-1, 32 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.write(b"x" * (32 * MIB))
        assert 31 * MIB < private_bytes(os.getpid()) - before < 40 * MIB
        assert 31 * MIB < anonymous_bytes() - anonymous < 40 * MIB
        assert 31 * MIB < memory.bytes() - before < 40 * MIB
    assert abs(memory.bytes() - before) < 4 * MIB
