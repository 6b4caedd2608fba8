"""Processes of the server killed under load: workers, the one that they are forked from, the whole server."""

import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.artifacts import JSON, ROW
from benchmarks.reliability.model_server.census import census, forker, wait_until, workers
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.prober import UNREACHABLE, Asked, Prober
from benchmarks.server.model_server import model_server
from benchmarks.server.server_process import ServerProcess

_CLIENTS = 4
_WORKERS = 2
_SHARED_MODELS = 8
_HEALTHY_SECONDS = 2.0
_GIVE_UP_SECONDS = 30.0
_KINDS = ("worker", "model's own worker", "forker", "server")
_WEIGHTS = (60, 20, 10, 10)
_SECONDS_BETWEEN_KILLS = 0.3
_OWN = ("own-a", "own-b")
_SAYS_ITS_PROCESS = """
import os
def model_fn(model_dir): ...
def transform_fn(model, data, content_type, accept): return str(os.getpid()), "application/json"
"""


@dataclass(frozen=True)
class Killed:
    """One kill.

    Attributes:
        kind: what was killed.
        bound: requests that can have been under way there.
        at: when, on `time.monotonic`'s clock.
        healthy_seconds: until the server said so and every model answered; of a server, until it said so.
        forgotten: the models that did not answer.
    """

    kind: str
    bound: int
    at: float
    healthy_seconds: float
    forgotten: tuple[str, ...]


def run(ground: Ground) -> list[Finding]:
    """200 kills."""
    count = ground.count(200, 4)
    chance = ground.chance("kills")
    shared = artifacts.checkpoint(ground.directory / "shared")
    own = artifacts.code(ground.directory / "own", _SAYS_ITS_PROCESS)
    places = {f"m{number}": shared for number in range(_SHARED_MODELS)} | dict.fromkeys(_OWN, own)
    kinds = list(_KINDS) if ground.is_short else chance.choices(_KINDS, _WEIGHTS, k=count)
    kills = []
    with model_server(ground.directory / "server", workers=_WORKERS) as server:
        for name, folder in places.items():
            server.load(name, folder)
        with Prober(server, list(places), _CLIENTS) as prober:
            for number, kind in enumerate(kinds):
                time.sleep(_SECONDS_BETWEEN_KILLS)
                kills.append(
                    _kill_server(server, places) if kind == "server" else _kill(server, kind, list(places), chance)
                )
                if (number + 1) % 20 == 0:
                    ground.report(f"{number + 1} of {count} kills")
        zombies = census(server.pid).zombies
    findings = [_finding(kind, kills, prober.asked) for kind in _KINDS]
    wrong = sorted({asked.status for asked in prober.asked} - {200, 404, 500, 503, UNREACHABLE})
    complaints = [f"statuses {wrong}"] if wrong else []
    complaints += [f"{zombies} zombies are left"] if zombies else []
    if complaints:
        findings[0] = replace(findings[0], complaints=(*findings[0].complaints, *complaints))
    return findings


def _kill(server: ServerProcess, kind: str, names: list[str], chance: random.Random) -> Killed:
    """Kill a process below the server, and ask all models until all answer."""
    client = server.client()
    of_models = {int(client.invoke(name, ROW, "application/json")) for name in _OWN}
    found = workers(server.pid)
    if kind == "forker":
        victim, bound = forker(server.pid), len(found)
    else:
        wanted = [worker for worker in found if (worker.pid in of_models) == (kind != "worker")]
        victim, bound = chance.choice(wanted or found), 1
    at = time.monotonic()
    victim.kill()
    waiting = list(names)
    while waiting and time.monotonic() - at < _GIVE_UP_SECONDS:
        status, _ = client.request("POST", f"/models/{waiting[0]}/invoke", ROW, JSON)
        if status == 200:
            waiting.pop(0)
    seconds = time.monotonic() - at
    # A process that is killed while a model is loaded again would be taken for the model's fault.
    wait_until(lambda: client.request("GET", "/ping")[0] == 200, _GIVE_UP_SECONDS)
    client.close()
    return Killed(kind, bound, at, seconds, tuple(waiting))


def _kill_server(server: ServerProcess, places: Mapping[str, Path]) -> Killed:
    """Kill the server, start it again as SageMaker does, and load each model as SageMaker does when it is asked for."""
    at = time.monotonic()
    psutil.Process(server.pid).kill()
    server.stop()
    server.__enter__()
    seconds = time.monotonic() - at
    forgotten = []
    for name, folder in places.items():
        server.load(name, folder)
        if server.request("POST", f"/models/{name}/invoke", ROW, JSON)[0] != 200:
            forgotten.append(name)
    return Killed("server", _CLIENTS, at, seconds, tuple(forgotten))


def _finding(kind: str, kills: list[Killed], asked: list[Asked]) -> Finding:
    complaints, seconds, failed, bounds = [], [], 0, 0
    ends = [kill.at for kill in kills[1:]] + [float("inf")]
    for kill, end in zip(kills, ends, strict=True):
        if kill.kind != kind:
            continue
        # Refused connections of a server that is not there are nobody's requests under way.
        lost = [
            request
            for request in asked
            if kill.at <= request.ended < end
            and request.status != 200
            and (kind != "server" or request.started < kill.at)
        ]
        seconds.append(kill.healthy_seconds)
        failed, bounds = failed + len(lost), bounds + kill.bound
        if len(lost) > kill.bound:
            complaints.append(f"{len(lost)} requests failed with one kill, at most {kill.bound} were under way there")
        if kill.forgotten:
            complaints.append(f"did not answer within {_GIVE_UP_SECONDS:g} s: {', '.join(kill.forgotten)}")
    late = sum(value >= _HEALTHY_SECONDS for value in seconds)
    if late:
        complaints.append(f"{late} of {len(seconds)} times not healthy within {_HEALTHY_SECONDS:g} s")
    median, longest = statistics.median(seconds), max(seconds)
    return Finding(
        f"{kind} killed under load, {len(seconds)} times ({_CLIENTS} clients, {_SHARED_MODELS + len(_OWN)} models)",
        f"failed requests <= those under way there; healthy again < {_HEALTHY_SECONDS:g} s; no model forgotten; "
        "other models undisturbed",
        f"{failed} requests failed, {bounds} could have been under way; healthy after {median:.2f} s (median), "
        f"{longest:.2f} s (longest)",
        tuple(complaints[:10]),
        {"healthy_seconds": [round(value, 3) for value in sorted(seconds)], "failed": failed, "under_way": bounds},
    )
