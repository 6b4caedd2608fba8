"""A worker with half of the models is killed: what requests to all models see right afterwards."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import psutil

from .errors import BenchmarkError
from .percentiles import percentile
from .progress import say
from .server_process import ModelServerClient, ServerProcess
from .tabular_model import ROW, ROW_TYPE

CLIENTS = 4
WORKERS = 2
SEED = 20


@dataclass(frozen=True)
class Kill:
    """Requests to every model, one each.

    Attributes:
        models: how many there were, on WORKERS workers.
        before_seconds, after_seconds: how long each model's answer took just before the kill, and right after it.
        failures: requests after the kill that were not answered with 200.
    """

    models: int
    before_seconds: list[float]
    after_seconds: list[float]
    failures: int


def measure_kill(server: ServerProcess, models: Sequence[str]) -> Kill:
    """Kill one worker of a server that holds the models, each of which takes ROW; then ask each of them once."""
    order = random.Random(SEED).sample(list(models), len(models))
    _ask_all(server, order)
    before, failures = _ask_all(server, order)
    if failures:
        raise BenchmarkError(f"{failures} of {len(models)} models did not answer before the kill")
    [zygote] = psutil.Process(server.pid).children()
    workers = zygote.children()
    if len(workers) != WORKERS:
        raise BenchmarkError(f"the server has {len(workers)} workers, not {WORKERS}")
    workers[0].kill()
    after, failures = _ask_all(server, order)
    say(
        f"  {len(models)} models: slowest answer {max(before) * 1000:.0f} ms before and {max(after) * 1000:.0f} ms "
        f"after the kill, p50 {percentile(after, 50) * 1000:.1f} ms, {failures} failed"
    )
    return Kill(len(models), before, after, failures)


def _ask_all(server: ServerProcess, models: Sequence[str]) -> tuple[list[float], int]:
    """Seconds of each answer, and how many were not 200; from a few clients at a time."""

    def ask(names: Sequence[str]) -> list[tuple[float, int]]:
        client: ModelServerClient = server.client()
        try:
            return [_ask(client, name) for name in names]
        finally:
            client.close()

    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = list(chain(*threads.map(ask, [models[number::CLIENTS] for number in range(CLIENTS)])))
    return [seconds for seconds, _ in answers], sum(status != 200 for _, status in answers)


def _ask(client: ModelServerClient, name: str) -> tuple[float, int]:
    invocation = client.invocation(name, ROW, ROW_TYPE)
    started = time.perf_counter()
    status, _ = client.request("POST", invocation.path, invocation.body, invocation.headers)
    return time.perf_counter() - started, status
