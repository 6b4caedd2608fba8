"""Memory, descriptors, the disk and its inodes run out, or the disk cannot be written.

The disk is a small tmpfs where this process may mount one. Where it may not, RLIMIT_FSIZE stands in for the full disk,
and the rows of inodes and of the read-only file system say that they were not run.
"""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.artifacts import JSON, TEXT
from benchmarks.reliability.model_server.census import MIB, census, wait_until, workers
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.prober import Prober
from benchmarks.server.server_process import ServerProcess

_MEMORY_MIB = 640
_HOLDS_MIB = 40
_HOLDS = f"""
import os
def model_fn(model_dir): return bytearray(os.urandom(1)) * ({_HOLDS_MIB} << 20)
def transform_fn(model, data, content_type, accept): return data
"""
_DESCRIPTORS = 64
_WRITES = """
import os, tempfile
def model_fn(model_dir): return model_dir
def transform_fn(model, data, content_type, accept):
    with tempfile.NamedTemporaryFile(dir=os.environ["TMPDIR"]) as file:
        file.write(b"x" * (1 << 20))
        file.flush()
    return "written"
"""
_MAX_MODELS = 60


def run(ground: Ground) -> list[Finding]:
    """Each resource."""
    faults = ("full",) if ground.is_short else ("full", "inodes", "read-only")
    return [_memory(ground), _descriptors(ground), *(_disk(ground, fault) for fault in faults)]


def _fill(server: ServerProcess, folder: Path) -> tuple[list[str], int, bytes]:
    """Load copies of a model until one is refused: those that were loaded, and the refusal."""
    loaded: list[str] = []
    client = server.client()
    for number in range(_MAX_MODELS):
        status, body = client.request("POST", "/models", artifacts.load_body(f"m{number}", folder), JSON)
        if status != 200:
            break
        loaded.append(f"m{number}")
    client.close()
    return loaded, status, body


def _memory(ground: Ground) -> Finding:
    with ground.serving(memory_mib=_MEMORY_MIB) as server:
        before = census(server.pid).memory_bytes
        server.load("good", artifacts.checkpoint(ground.directory / "good"))
        with Prober(server, ["good"], pause_seconds=0.01) as prober:
            loaded, status, _ = _fill(server, artifacts.code(ground.directory / "holds", _HOLDS))
            answers = {server.invoke(name, b"x", "text/csv") for name in loaded}
            grown = (census(server.pid).memory_bytes - before) / MIB
            server.unload(loaded[0])
            server.load("again", ground.directory / "holds")
    complaints = prober.complaints("while the memory ran out")
    complaints += [f"the refusal is {status}, not 507"] if status != 507 else []
    complaints += ["a loaded model does not answer"] if answers != {b"x"} else []
    # Each process that a model has shares the forker's pages, which count again for each.
    complaints += [f"{len(loaded)} models are loaded"] if len(loaded) * _HOLDS_MIB > _MEMORY_MIB else []
    return Finding(
        f"models of {_HOLDS_MIB} MiB loaded until the memory budget of {_MEMORY_MIB} MiB is used up",
        "507; the loaded ones answer; an unload makes room; other clients served",
        f"{len(loaded)} models, then {status}; resident memory grew by {grown:.0f} MiB, pages shared with the forker "
        f"counted in each process; another model meanwhile: {prober.statuses}",
        tuple(complaints),
    )


def _descriptors(ground: Ground) -> Finding:
    small, good = artifacts.code(ground.directory / "small", artifacts.ECHO), ground.directory / "good"
    complaints = []
    with (
        ground.serving(prefix=["prlimit", f"--nofile={_DESCRIPTORS}:{_DESCRIPTORS}"]) as server,
        contextlib.ExitStack() as stack,
    ):
        server.load("good", artifacts.checkpoint(good))
        with Prober(server, ["good"], pause_seconds=0.01) as prober:
            loaded, status, body = _fill(server, small)
            others = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(200)]
            victim = workers(server.pid)[0]
            victim.kill()
            for sock in others:
                sock.close()
            answered = wait_until(lambda: _answers(server, loaded), 20)
        failed = sum(asked.status not in (200, 500, 503, 0) for asked in prober.asked)
        healthy = server.request("GET", "/ping")[0] == 200
        spins = _spins(server)
    complaints += [f"the refusal is {status}, not 507: {body[:100]!r}"] if status != 507 else []
    complaints += [] if answered else ["the loaded models do not answer any more"]
    complaints += [f"another client: {prober.statuses}"] if failed else []
    complaints += [] if healthy else ["the server is not healthy afterwards"]
    complaints += [f"idle, it takes {spins:.0%} of a core"] if spins > 0.5 else []
    return Finding(
        f"{_DESCRIPTORS} descriptors: models loaded until there is none left, 200 connections opened, a worker killed",
        "507; afterwards all models answer; no dead loop",
        f"{len(loaded)} models, then {status}; another client meanwhile: {prober.statuses}; healthy afterwards, "
        f"{spins:.1%} of a core when idle",
        tuple(complaints),
    )


def _answers(server: ServerProcess, names: list[str]) -> bool:
    client = server.client()
    try:
        return all(client.request("POST", f"/models/{name}/invoke", b"x", TEXT)[0] == 200 for name in names)
    except OSError:
        return False
    finally:
        client.close()


def _spins(server: ServerProcess) -> float:
    """How much of a core the server takes while nothing is asked of it."""
    before = server.processor_seconds()
    time.sleep(1.0)
    return server.processor_seconds() - before


def _disk(ground: Ground, fault: str) -> Finding:
    experiment = {
        "full": "the disk of temporary files and of the log is full",
        "inodes": "the disk of temporary files has no inode left",
        "read-only": "the disk of temporary files and of models cannot be written",
    }[fault]
    to_reach = "models load and answer; code that writes is answered 500 with the system's reason; others undisturbed"
    place = ground.directory / f"disk-{fault}"
    place.mkdir()
    with _tmpfs(place) as is_mounted:
        if not is_mounted and fault != "full":
            return Finding(experiment, to_reach, "not run: this process may not mount a file system")
        prefix = () if is_mounted else ("prlimit", f"--fsize={64 << 10}")
        return _with_disk(ground, fault, Finding(experiment, to_reach, ""), place, prefix)


def _with_disk(ground: Ground, fault: str, finding: Finding, place: Path, prefix: tuple[str, ...]) -> Finding:
    good, writes = place / "good", place / "writes"
    artifacts.checkpoint(good)
    artifacts.code(writes, _WRITES)
    complaints = []
    home = Ground(place if fault == "full" else ground.directory / f"server-{fault}", ground.seed, ground.is_short)
    with home.serving(prefix=prefix, TMPDIR=str(place), HOME=str(place)) as server:
        server.load("good", good)
        if not prefix:
            _exhaust(place, fault)
        with Prober(server, ["good"]) as prober:
            client = server.client()
            status, _ = client.request("POST", "/models", artifacts.load_body("writes", writes), JSON)
            asked, body = client.request("POST", "/models/writes/invoke", b"x", TEXT)
            again, _ = client.request("POST", "/models", artifacts.load_body("again", good), JSON)
            answered, _ = client.request("POST", "/models/again/invoke", artifacts.ROW, JSON)
            client.close()
            for _number in range(ground.count(2000, 100)):
                server.request("GET", "/models/none")
        complaints += prober.complaints(finding.experiment)
        spins = _spins(server)
    complaints += [f"idle, it takes {spins:.0%} of a core"] if spins > 0.5 else []
    complaints += (
        [f"loads and requests: {(status, again, answered)}"] if (status, again, answered) != (200,) * 3 else []
    )
    complaints += [f"code that writes: {asked} {body[:200]!r}"] if asked != 500 or b"Traceback" in body else []
    how = "RLIMIT_FSIZE" if prefix else "a tmpfs of 2 MiB"
    reached = f"by {how}: code that writes is answered {asked} {body[:120].decode()}; another model: {prober.statuses}"
    return Finding(finding.experiment, finding.to_reach, reached.replace("|", "/"), tuple(complaints))


@contextlib.contextmanager
def _tmpfs(place: Path) -> Iterator[bool]:
    """Mount a small file system, and say whether that was allowed."""
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=64", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _exhaust(place: Path, fault: str) -> None:
    if fault == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    elif fault == "inodes":
        with contextlib.suppress(OSError):
            for number in range(1000):
                (place / f"file-{number}").touch()
    else:
        with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
