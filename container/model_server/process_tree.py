"""This process's place among others: its children, whose children it adopts, and with whom it ends."""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37


def children(pid: int | str = "self") -> list[int]:
    """A process's children, those that ended and were not waited for among them."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def adopts_orphans() -> bool:
    """Whether `adopt_orphans` was called in this process."""
    found = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(found))
    return bool(found.value)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def call_itself(name: str) -> None:
    """Give this process a name that `ps` and `top` show: 15 bytes at most."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def end_child(pid: int) -> None:
    """Kill a child, and wait for it where it has ended already. One that is gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
