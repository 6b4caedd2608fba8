"""Artifacts whose own code does harm, while it is loaded and while it answers; another model is asked meanwhile."""

import time
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.artifacts import TEXT
from benchmarks.reliability.model_server.census import census, wait_until
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.prober import Prober
from benchmarks.server.server_process import ServerProcess

_LIMIT_SECONDS = 3.0
# From the deadline to the answer: the process is killed and waited for.
_GRACE_SECONDS = 2.0
_MEMORY_MIB = 1024
_MARK = "RELIABILITY_EXPERIMENT_CHILD"

HARM = {
    "loops": "while True: pass",
    "sleeps": "time.sleep(3600)",
    "exits": "os._exit(3)",
    "raises SystemExit": "sys.exit(3)",
    "raises KeyboardInterrupt": "raise KeyboardInterrupt",
    "recurses": "f = lambda f: f(f); f(f)",
    "SIGSEGV": "ctypes.string_at(8)",
    "aborts": "os.abort()",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "closes all descriptors": "os.closerange(0, 1024)",
    "closes all descriptors and loops": "os.closerange(0, 1024)\n    while True: pass",
    "writes into all descriptors": "[os.write(n, b'x' * 100) for n in range(3, 64) if writable(n)]",
    "forks and returns in both": "os.fork()",
    "spawns children that stay": "spawn(False); spawn(False)",
    "spawns children in a session of their own": "spawn(True); spawn(True)",
    "starts threads that never end": "[threading.Thread(target=time.sleep, args=(3600,)).start() for _ in range(20)]",
    "holds the interpreter lock": "ctypes.PyDLL(None).sleep(3600)",
    "prints 100 MB": "[print('x' * 9999) for _ in range(10000)]",
    "leaks 100 MiB a request": "kept.append(bytearray(os.urandom(1)) * (100 << 20))",
    "takes all the memory": "kept.extend(bytearray(b'x') * (64 << 20) for _ in range(64))",
    "ignores signals and loops": "[signal.signal(n, signal.SIG_IGN) for n in (2, 15)]\n    while True: pass",
    "returns what is no answer": "return object()",
    "returns 500 MB": "return b'x' * (500 << 20)",
}
_CODE = """
import ctypes, os, signal, subprocess, sys, threading, time
kept = []
def writable(n):
    try: return os.get_inheritable(n) is not None
    except OSError: return False
def spawn(apart):
    command = [sys.executable, "-c", "import time; time.sleep(3600)", {mark!r}]
    subprocess.Popen(command, start_new_session=apart)
def harm():
    {harm}
def model_fn(model_dir):
    if {on_load}: harm()
def transform_fn(model, data, content_type, accept):
    if data == "harm": return harm() or "done"
    return data
"""


class _Case(NamedTuple):
    name: str
    on_load: bool
    statuses: list[int]
    seconds: float
    complaints: list[str]

    @property
    def title(self) -> str:
        return f"{self.name}, {'load' if self.on_load else 'request'}"


def run(ground: Ground) -> list[Finding]:
    """Every misbehaviour, while it is loaded and while it answers."""
    names = list(HARM)
    if ground.is_short:
        names = ["SIGSEGV", "closes all descriptors and loops", "spawns children in a session of their own"]
    cases = []
    with ground.serving(
        memory_mib=_MEMORY_MIB,
        MODEL_SERVER_INVOKE_SECONDS=str(_LIMIT_SECONDS),
        MODEL_SERVER_LOAD_SECONDS=str(_LIMIT_SECONDS),
    ) as server:
        server.load("good", artifacts.checkpoint(ground.directory / "good"))
        server.invoke("good", artifacts.ROW, "application/json")
        before = census(server.pid)
        with Prober(server, ["good"], pause_seconds=0.005) as prober:
            for number, name in enumerate(names):
                for on_load in (True, False):
                    folder = ground.directory / f"bad-{number}-{on_load}"
                    cases.append(_try(server, name, on_load, folder, before.processes))
                ground.report(f"{name}: {cases[-2].statuses} {cases[-1].statuses}")
        after = census(server.pid)
        complaints = prober.complaints("beside misbehaving code")
    complaints += [f"{case.title}: {complaint}" for case in cases for complaint in case.complaints]
    if after.zombies or after.processes > before.processes:
        complaints.append(f"{after.processes} processes and {after.zombies} zombies instead of {before.processes}")
    statuses = sorted({status for case in cases for status in case.statuses})
    longest = max(case.seconds for case in cases)
    return [
        Finding(
            f"{len(names)} kinds of model code that misbehaves, while it is loaded and while it answers: "
            + ", ".join(names),
            f"cut off by the deadline ({_LIMIT_SECONDS:g} s here), every other model undisturbed, reported, no process "
            "left",
            f"{len(cases)} cases, longest {longest:.1f} s, statuses {statuses}; another model answered "
            f"{len(prober.asked)} requests meanwhile: {prober.statuses}, the longest in "
            f"{prober.longest_seconds * 1000:.0f} ms",
            tuple(complaints),
            {case.title: case.statuses for case in cases},
        )
    ]


def _try(server: ServerProcess, name: str, on_load: bool, folder: Path, processes: int) -> _Case:
    text = _CODE.replace("{harm}", HARM[name]).replace("{on_load}", str(on_load)).replace("{mark!r}", repr(_MARK))
    artifacts.code(folder, text)
    client, statuses, complaints = server.client(), [], []
    start = time.monotonic()
    status, body = client.request("POST", "/models", artifacts.load_body("bad", folder), artifacts.JSON)
    statuses.append(status)
    loaded = status == 200
    if loaded:
        status, body = client.request("POST", "/models/bad/invoke", b"x" if on_load else b"harm", TEXT)
        statuses.append(status)
    seconds = time.monotonic() - start
    if seconds > _LIMIT_SECONDS + _GRACE_SECONDS:
        complaints.append(f"took {seconds:.1f} s")
    if status not in (200, 400, 500, 504, 507):
        complaints.append(f"status {status}")
    if (status != 200 and b'"message":"' not in body) or b"Traceback" in body[:10_000]:
        complaints.append(f"not reported as errors are: {body[:100]!r}")
    if loaded:
        status, body = client.request("DELETE", "/models/bad")
        if status != 200:
            complaints.append(f"could not be unloaded: {status} {body[:100]!r}")
    client.close()
    if not wait_until(lambda: census(server.pid).processes <= processes and not _strays(), _GRACE_SECONDS):
        complaints.append(
            f"{census(server.pid).processes} processes are left instead of {processes}, "
            f"and {len(_strays())} children elsewhere"
        )
        for stray in _strays():
            stray.kill()
    return _Case(name, on_load, statuses, seconds, complaints)


def _strays() -> list[psutil.Process]:
    """Children that a model's code started, wherever they hang now."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if _MARK in (process.info["cmdline"] or ()):
            found.append(process)
    return found
