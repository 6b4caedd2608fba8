"""Models loaded, unloaded and invoked in a mix, long enough that whatever is left behind would show."""

import random
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.artifacts import JSON, ROW
from benchmarks.reliability.model_server.census import MIB, Census, census, wait_until
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.server.server_process import ModelServerClient, ServerProcess

_CLIENTS = 4
_SEGMENTS = 20
_NAMES_A_CLIENT = 6
_SHARE_OF_INVOCATIONS = 0.7
_SHARE_OF_CODE = 0.05
_TOLERANCE = 0.05
_STATUSES = {200, 404, 409}
# The server's pool for files starts a thread whenever all others are at work: it may be full at any time, or never.
_FILE_THREADS = 4
# With nothing loaded: the front process, the forker, its standby, two workers.
_PROCESSES = 5


def run(ground: Ground) -> list[Finding]:
    """100,000 operations."""
    count = ground.count(100_000, 2_000)
    folders = [
        artifacts.checkpoint(ground.directory / "checkpoint"),
        artifacts.code(ground.directory / "code", artifacts.ECHO),
    ]
    counted: list[Census] = []
    statuses: Counter[int] = Counter()
    complaints: list[str] = []
    start = time.monotonic()
    with ground.serving() as server:
        threads = _at_rest(server, []).threads
        clients = [_Client(server.client(), number, folders, ground.chance(number)) for number in range(_CLIENTS)]
        with ThreadPoolExecutor(_CLIENTS) as pool:
            for segment in range(_SEGMENTS):
                for seen in pool.map(lambda client: client.operate(count // _CLIENTS // _SEGMENTS), clients):
                    statuses.update(seen)
                counted.append(_at_rest(server, clients))
                ground.report(f"{(segment + 1) * count // _SEGMENTS:,} operations: {counted[-1]}")
        for client in clients:
            client.close()
    # The first segments fill what stays by intent: what is remembered of models, each worker's heap.
    mib = [found.memory_bytes / MIB for found in counted]
    plateau = statistics.median(mib[_SEGMENTS // 4 : _SEGMENTS // 2])
    growth = mib[-1] / plateau - 1
    if abs(growth) > _TOLERANCE:
        complaints.append(f"memory went from {plateau:.1f} to {mib[-1]:.1f} MiB")
    last = counted[-1]
    for what in ("processes", "zombies", "descriptors"):
        before, after = getattr(counted[_SEGMENTS // 4], what), getattr(last, what)
        if after > before:
            complaints.append(f"{what} went from {before} to {after}")
    if last.threads > threads + _FILE_THREADS:
        complaints.append(f"{threads} threads became {last.threads}, and {_FILE_THREADS} more are for files")
    if statuses.keys() - _STATUSES:
        complaints.append(f"statuses {dict(statuses)}")
    return [
        Finding(
            f"{count:,} mixed loads, unloads and invocations by {_CLIENTS} clients",
            f"memory within {_TOLERANCE:.0%} of its plateau; no descriptor or zombie more, no thread beyond the pool's",
            f"{growth:+.1%} from {plateau:.1f} MiB; {last.descriptors} descriptors, {last.threads} threads, "
            f"{last.processes} processes, {last.zombies} zombies; {count / (time.monotonic() - start):.0f} a second",
            tuple(complaints),
            {
                "memory_mib": [round(value, 1) for value in mib],
                "descriptors": [found.descriptors for found in counted],
                "threads": [found.threads for found in counted],
                "statuses": {str(status): statuses[status] for status in sorted(statuses)},
            },
        )
    ]


class _Client:
    """Loads, unloads and asks models of its own, and now and then one of the neighbour's."""

    def __init__(self, client: ModelServerClient, number: int, folders: list[Path], chance: random.Random) -> None:
        self._client = client
        self._names = [f"m{number}-{index}" for index in range(_NAMES_A_CLIENT)]
        self._folders = folders
        self._chance = chance
        self._loaded: set[str] = set()

    def operate(self, count: int) -> Counter[int]:
        """Do so many operations; returns their statuses."""
        statuses: Counter[int] = Counter()
        for _ in range(count):
            name = self._chance.choice(self._names)
            if self._chance.random() < _SHARE_OF_INVOCATIONS:
                status, _body = self._client.request("POST", f"/models/{name}/invoke", ROW, JSON)
            elif name in self._loaded:
                status, _body = self._client.request("DELETE", f"/models/{name}")
                self._loaded.discard(name)
            else:
                folder = self._folders[self._chance.random() < _SHARE_OF_CODE]
                status, _body = self._client.request("POST", "/models", artifacts.load_body(name, folder), JSON)
                self._loaded.add(name)
            statuses[status] += 1
        return statuses

    def unload_all(self) -> None:
        """Unload what is loaded."""
        for name in self._loaded:
            self._client.unload(name)
        self._loaded.clear()

    def close(self) -> None:
        self._client.close()


def _at_rest(server: ServerProcess, clients: list[_Client]) -> Census:
    """Count with nothing loaded."""
    for client in clients:
        client.unload_all()
    wait_until(lambda: census(server.pid).processes == _PROCESSES, 10)
    return census(server.pid)
