"""Many models in little memory: SageMaker's part, played on the real server, beside an ideal cache's.

SageMaker loads a model when it is asked for; on a 507 it unloads the one that was not asked for the longest, and tries
again.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BenchmarkError, UnexpectedAnswerError
from .photograph import photograph_jpeg
from .progress import say
from .server_process import ModelServerClient, ServerProcess
from .traffic import ideal_lru_hits

CLIENTS = 4
INSUFFICIENT_STORAGE = 507


@dataclass
class CacheRun:
    """What a trace of requests met.

    Attributes:
        requests: length of the trace.
        hits: requests whose model was loaded (or being loaded) when they came.
        ideal_hits: the same for an ideal least-recently-used cache of `capacity` models.
        failures: a sentence for each request that got no answer of 200.
        loads, refusals, unloads: how often the server loaded, answered 507, unloaded.
        most_models: largest number of models loaded at a time.
        budget_bytes: what the server was told it may hold.
        peak_bytes: the most it was seen to hold (private bytes of all its processes).
    """

    requests: int
    capacity: int
    budget_bytes: int
    ideal_hits: int
    hits: int = 0
    loads: int = 0
    refusals: int = 0
    unloads: int = 0
    most_models: int = 0
    peak_bytes: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def hit_ratio(self) -> float:
        return self.hits / self.requests

    @property
    def ideal_hit_ratio(self) -> float:
        return self.ideal_hits / self.requests


class _Entry:
    """A model's stay in the server, from the decision to load it."""

    def __init__(self) -> None:
        self.users = 0
        self.loaded = threading.Event()
        self.error: Exception | None = None


class CacheDriver:
    """Requests models as SageMaker does. Safe for several threads.

    Args:
        folders: extracted artifacts by model number.
        run: the counts to add to.
    """

    def __init__(self, folders: Sequence[Path], run: CacheRun) -> None:
        self._folders = folders
        self._run = run
        self._guard = threading.Lock()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._leaving: dict[int, threading.Event] = {}
        self._evicted = threading.Condition(self._guard)
        # Threads that wait for a model to unload.
        self._refused = 0

    def arrive(self, model: int) -> tuple[_Entry, bool]:
        """Count the request as the latest for its model; its entry, and whether the caller has to load it."""
        with self._guard:
            entry = self._entries.pop(model, None)
            missing = entry is None
            if entry is None:
                entry = _Entry()
            self._entries[model] = entry
            entry.users += 1
            self._run.hits += not missing
            self._run.most_models = max(self._run.most_models, len(self._entries))
            return entry, missing

    def answer(self, server: ModelServerClient, model: int, entry: _Entry, missing: bool) -> None:
        """Serve one request that `arrive` announced, over the thread's client; failures are recorded, not raised."""
        try:
            if missing:
                self._load(server, model, entry)
            entry.loaded.wait()
            if entry.error is not None:
                raise entry.error
            server.invoke(_name(model), photograph_jpeg())
        except (BenchmarkError, OSError) as error:
            with self._guard:
                self._run.failures.append(str(error))
        finally:
            with self._evicted:
                entry.users -= 1
                self._evicted.notify_all()

    def _load(self, server: ModelServerClient, model: int, entry: _Entry) -> None:
        with self._guard:
            leaving = self._leaving.get(model)
        if leaving is not None:
            leaving.wait()
        try:
            while True:
                try:
                    server.load(_name(model), self._folders[model])
                except UnexpectedAnswerError as error:
                    if error.status != INSUFFICIENT_STORAGE:
                        raise
                    self._evict(server)
                else:
                    break
            with self._guard:
                self._run.loads += 1
        except Exception as error:
            entry.error = error
            with self._guard:
                if self._entries.get(model) is entry:
                    del self._entries[model]
            raise
        finally:
            entry.loaded.set()

    def _evict(self, server: ModelServerClient) -> None:
        """Unload the model that was asked for the longest ago and that nobody uses; waits until there is one.

        Raises BenchmarkError when there never will be one.
        """
        with self._evicted:
            self._run.refusals += 1
            self._refused += 1
            try:
                while True:
                    idle = [key for key, entry in self._entries.items() if entry.users == 0]
                    if idle:
                        break
                    if self._refused == sum(entry.users > 0 for entry in self._entries.values()):
                        self._evicted.notify_all()
                        raise BenchmarkError("the server refuses a model although none that it holds is in use")
                    self._evicted.wait()
            finally:
                self._refused -= 1
            victim = idle[0]
            del self._entries[victim]
            left = self._leaving[victim] = threading.Event()
        try:
            server.unload(_name(victim))
        finally:
            with self._guard:
                self._run.unloads += 1
                del self._leaving[victim]
            left.set()


def _name(model: int) -> str:
    return f"zipf-{model:04d}"


def measure_cache(
    server: ServerProcess,
    folders: Sequence[Path],
    trace: Sequence[int],
    capacity: int,
    *,
    budget_bytes: int,
    clients: int = CLIENTS,
) -> CacheRun:
    """Send the trace to a running server from a few clients, in the trace's order."""
    run = CacheRun(
        requests=len(trace),
        capacity=capacity,
        budget_bytes=budget_bytes,
        ideal_hits=sum(ideal_lru_hits(trace, capacity)),
    )
    driver = CacheDriver(folders, run)
    positions = iter(range(len(trace)))
    order = threading.Lock()

    def work(client: ModelServerClient) -> None:
        while True:
            with order:
                position = next(positions, None)
                if position is None:
                    return
                entry, missing = driver.arrive(trace[position])
            driver.answer(client, trace[position], entry, missing)
            if position % 50 == 0:
                peak = server.memory().private_bytes
                with order:
                    run.peak_bytes = max(run.peak_bytes, peak)
            if position % 500 == 499:
                say(f"  request {position + 1} of {len(trace)}: {run.hits} hits, {len(run.failures)} failures")

    connections = [server.client() for _ in range(clients)]
    try:
        with ThreadPoolExecutor(clients) as threads:
            for future in [threads.submit(work, connection) for connection in connections]:
                future.result()
    finally:
        for connection in connections:
            connection.close()
    return run
