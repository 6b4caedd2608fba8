"""Clients in a process of their own: `python -m benchmarks.server.hot_clients PORT CLIENTS SECONDS < REQUEST`.

Beside another measure's clients, so that neither waits for the other's interpreter. Prints the number of answers.
"""

import subprocess
import sys
from pathlib import Path

from .load_generator import generate_load

_ROOT = Path(__file__).resolve().parents[2]


def start_hot_clients(port: int, request: bytes, clients: int, seconds: float) -> subprocess.Popen[bytes]:
    """The running process; `communicate()` gives what it printed."""
    command = [sys.executable, "-m", __name__, str(port), str(clients), str(seconds)]
    process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(request)
    process.stdin.close()
    process.stdin = None
    return process


def main() -> None:
    """Ask until the seconds are over."""
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    load = generate_load(port, sys.stdin.buffer.read(), clients, seconds)
    print(len(load.latencies_seconds) - load.failures, flush=True)


if __name__ == "__main__":
    main()
