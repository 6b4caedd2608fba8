"""A network of the run's own: Triton's SageMaker mode listens on every address and cannot be told otherwise.

The run continues in a network namespace that has nothing but a loopback interface. Every server of a run is in it, so
that none is measured under other conditions.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence

_MARK = "BENCHMARK_ISOLATED"
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1


def is_isolated() -> bool:
    """Whether this process is in the run's own network."""
    return os.environ.get(_MARK) == "1"


def can_isolate() -> bool:
    """Whether the machine lets this user make a network namespace."""
    return shutil.which(_UNSHARE[0]) is not None and (
        subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )


def isolate(arguments: Sequence[str]) -> None:
    """Start `python -m benchmarks.server` with the arguments in place of this process, in a network of its own."""
    command = [*_UNSHARE, sys.executable, "-m", __package__, *arguments]
    os.execvpe(command[0], command, os.environ | {_MARK: "1"})


def raise_loopback() -> None:
    """Bring up the loopback interface, which a new network has down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
