"""Clocks that jump: the wall clock by years, in both directions, and a whole server that stands still for a while.

The wall clock jumps as Python's code sees it: a module that every process of the server imports at its start adds to
`time.time` what a file says. Deadlines count on the monotonic clock, which no one can set; it jumps for a program that
was stopped, as it does when an instance is.
"""

import json
import os
import signal
import time
from pathlib import Path

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.prober import Prober
from benchmarks.server.processes import process_tree
from benchmarks.server.server_process import ServerProcess

_YEAR = 365 * 24 * 3600.0
_LIMIT_SECONDS = 2.0
_JUMPING = """
import time
def jumping(clock, unit):
    def now():
        try:
            with open({file!r}) as file: return clock() + type(clock())(float(file.read() or 0) * unit)
        except OSError: return clock()
    return now
time.time, time.time_ns = jumping(time.time, 1), jumping(time.time_ns, 10**9)
"""


def run(ground: Ground) -> list[Finding]:
    """Jumps of the wall clock under load, and stops of the whole server for longer than its limits."""
    jumps, stops = ground.count(100, 6), ground.count(10, 1)
    shims, offset = ground.directory / "shims", ground.directory / "offset"
    shims.mkdir()
    (shims / "sitecustomize.py").write_text(_JUMPING.format(file=str(offset)))
    chance = ground.chance("jumps")
    with ground.serving(PYTHONPATH=str(shims), MODEL_SERVER_INVOKE_SECONDS=str(_LIMIT_SECONDS)) as server:
        server.load("good", artifacts.checkpoint(ground.directory / "good"))
        with Prober(server, ["good"], 2) as prober:
            for _ in range(jumps):
                _set(offset, chance.choice((-1, 1)) * chance.uniform(0, 30) * _YEAR)
                time.sleep(0.1)
            seen = _says_another_year(server)
        complaints = prober.complaints("while the wall clock jumped")
        _set(offset, 0.0)
        with Prober(server, ["good"], 2) as stopped:
            for _ in range(stops):
                _stand_still(server.pid, _LIMIT_SECONDS + 1)
                time.sleep(1)
        end = stopped.asked[-1]
        complaints += [] if end.status == 200 else [f"after the last stop the answer is {end.status}"]
        complaints += [] if server.request("GET", "/ping")[0] == 200 else ["the server is not healthy afterwards"]
        if set(stopped.statuses) - {"200", "503", "504"}:
            complaints.append(f"statuses around stops: {stopped.statuses}")
    return [
        Finding(
            f"{jumps} jumps of the wall clock by up to 30 years; the whole server stopped {stops} times, longer than "
            "an invocation may take",
            "no request fails by the wall clock; after a stop 503 and 504 at most, then all is as before; no dead loop",
            f"{len(prober.asked)} requests while the clock jumped: {prober.statuses}; around the stops: "
            f"{stopped.statuses}; a line of the log was dated by the jumping clock: {'yes' if seen else 'no'}",
            (*complaints, *(() if seen else ("the server did not see the jumps",))),
        )
    ]


def _set(file: Path, seconds: float) -> None:
    """Never half written."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)


def _says_another_year(server: ServerProcess) -> bool:
    """Whether the server's lines are dated by the clock that jumps."""
    time.sleep(0.2)  # its lines are written together
    lines = [line for line in server.log_path.read_bytes().splitlines() if line.startswith(b'{"event"')]
    return any(abs(json.loads(line)["time"] - time.time()) > _YEAR / 10 for line in lines)


def _stand_still(pid: int, seconds: float) -> None:
    """Stop all processes of a server, and let them go on."""
    members = process_tree(pid)
    for member in members:
        os.kill(member, signal.SIGSTOP)
    time.sleep(seconds)
    for member in members:
        os.kill(member, signal.SIGCONT)
