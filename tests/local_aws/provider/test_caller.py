"""Which process calls is told by both ends of its connection."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local_aws.provider.caller import working_directory

CONNECT = """
import socket, sys
own, other = map(int, sys.argv[1:])
with socket.socket() as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", own))
    sock.connect(("127.0.0.1", other))
    print(sock.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def connected(folder: Path, own: int, other: int) -> Iterator[int]:
    """A process in a folder of its own, connected from one port (0: a free one) to another; gives the first."""
    folder.mkdir()
    command = [sys.executable, "-c", CONNECT, str(own), str(other)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, text=True, **pipes) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def test_the_caller_is_found_beside_others_that_leave_from_the_same_port(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        elsewhere = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [listener.getsockname()[1] for listener in elsewhere]
        port = 0
        for number, other in enumerate(ports):
            port = stack.enter_context(connected(tmp_path / f"other{number}", port, other))
        stack.enter_context(connected(tmp_path / "caller", port, here.getsockname()[1]))
        stack.enter_context(here.accept()[0])
        assert working_directory(f"ipv4:127.0.0.1:{port}") == tmp_path / "caller"


def test_a_connection_that_nobody_has() -> None:
    assert working_directory("ipv4:127.0.0.1:1") is None
    assert working_directory("unix:") is None
