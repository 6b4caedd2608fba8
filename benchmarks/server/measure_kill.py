"""A worker with half of the models is killed: what requests to all models see right afterwards."""

import json
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import psutil

from .errors import BenchmarkError
from .progress import say
from .server_process import ModelServerClient, ServerProcess
from .tabular_model import ROW, ROW_TYPE

CLIENTS = 4
WORKERS = 2
SEED = 20
OK = 200
# In this time the server has written what it logged.
_LOG_SECONDS = 0.5


@dataclass(frozen=True)
class Answer:
    """One request to a model: how long it took, and its status."""

    model: str
    seconds: float
    status: int


@dataclass(frozen=True)
class Kill:
    """Requests to every model, one each, just before the kill of a worker and right after it.

    Attributes:
        before, after: the answers.
        lost: the models that only the killed worker held.
        held: all that it held: those with a copy in the other worker, too.
    """

    before: list[Answer]
    after: list[Answer]
    lost: set[str]
    held: set[str]

    def others(self, answers: Sequence[Answer]) -> list[Answer]:
        """Those of models that the killed worker did not hold."""
        return [answer for answer in answers if answer.model not in self.held]


def measure_kill(server: ServerProcess, models: Sequence[str]) -> Kill:
    """Kill one worker of a server that holds the models, each of which takes ROW; then ask each of them once."""
    order = random.Random(SEED).sample(list(models), len(models))
    _ask_all(server, order)
    before = _ask_all(server, order)
    if any(answer.status != OK for answer in before):
        raise BenchmarkError("models did not answer before the kill")
    [zygote] = psutil.Process(server.pid).children()
    workers = [child for child in zygote.children() if child.name() == "model-worker"]
    if len(workers) != WORKERS:
        raise BenchmarkError(f"the server has {len(workers)} workers, not {WORKERS}")
    time.sleep(_LOG_SECONDS)
    events_before = len(_loads(server.log_path))
    workers[0].kill()
    after = _ask_all(server, order)
    time.sleep(_LOG_SECONDS)
    events = _loads(server.log_path)
    kill = Kill(before, after, *killed_models(events[:events_before], events[events_before:]))
    failed = [f"{answer.model} {answer.status}" for answer in after if answer.status != OK]
    say(
        f"  {len(models)} models, {len(kill.lost)} of them only on the killed worker: slowest answer "
        f"{_slowest(before):.0f} ms before and {_slowest(after):.0f} ms after the kill, "
        f"of the others {_slowest(kill.others(after)):.0f} ms; failed: {', '.join(failed) or 'none'}"
    )
    return kill


def killed_models(
    before: Sequence[Mapping[str, object]], after: Sequence[Mapping[str, object]]
) -> tuple[set[str], set[str]]:
    """The models that only the killed worker held, and all that it held: from the server's log of loads before and
    after the kill.

    Raises BenchmarkError when no load after the kill says that its model was lost.
    """
    holders: dict[str, set[object]] = {}
    for load in before:
        holders.setdefault(str(load["model"]), set()).add(load["worker"])
    restored = [str(load["model"]) for load in after if load.get("reason") == "its worker was lost"]
    killed = {worker for model in restored for worker in holders[model]}
    if len(killed) != 1:
        raise BenchmarkError(f"the log does not say which worker was killed: {killed or 'no model was lost'}")
    lost = {model for model, workers in holders.items() if workers == killed}
    return lost, {model for model, workers in holders.items() if workers & killed}


def _loads(log: Path) -> list[dict[str, object]]:
    lines = (line for line in log.read_text().splitlines() if line.startswith('{"event":"load"'))
    return [json.loads(line) for line in lines]


def _slowest(answers: Sequence[Answer]) -> float:
    return max(answer.seconds for answer in answers) * 1000


def _ask_all(server: ServerProcess, models: Sequence[str]) -> list[Answer]:
    """Every model's answer, from a few clients at a time."""

    def ask(names: Sequence[str]) -> list[Answer]:
        client: ModelServerClient = server.client()
        try:
            return [_ask(client, name) for name in names]
        finally:
            client.close()

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(chain(*threads.map(ask, [models[number::CLIENTS] for number in range(CLIENTS)])))


def _ask(client: ModelServerClient, name: str) -> Answer:
    invocation = client.invocation(name, ROW, ROW_TYPE)
    started = time.perf_counter()
    status, _ = client.request("POST", invocation.path, invocation.body, invocation.headers)
    return Answer(name, time.perf_counter() - started, status)
