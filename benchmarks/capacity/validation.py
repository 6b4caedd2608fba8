"""Predicted and measured: the same trace in the simulation and on an endpoint of the local AWS.

Three endpoints, one after the other, each with one instance:

1. without a limit of memory, every model called in turn: what models take, from the server's log and its memory;
2. with memory for some of the models, one trace: download, overhead, and how much loads and calls vary, from its log;
3. the same again with another trace. Only this one is compared with its prediction, which knows nothing of it.
"""

import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.capacity.endpoint import Account
from benchmarks.capacity.models import BODY, packed_model
from benchmarks.capacity.replay import Replayed, replay
from capacity.fleet import MIB, Behaviour, Fleet
from capacity.generators import Workload, generate
from capacity.profiles import Profiles
from capacity.readers.log_files import log_lines
from capacity.simulation import simulate
from capacity.trace import Trace, make_trace
from local_aws.process import LocalAws

TARGET_HIT_POINTS = 1.0
TARGET_P99_PERCENT = 15.0
_SHIPPING_SECONDS = 3.0


@dataclass(frozen=True)
class Plan:
    """How large a run is. `rate` in calls a second; `kept` models fit into memory; a trace takes `seconds`."""

    models: int = 40
    kept: int = 20
    rate: float = 8.0
    seconds: float = 120.0
    exponent: float = 0.9
    workers: int = 1
    seeds: tuple[int, int] = (11, 12)


@dataclass(frozen=True)
class Server:
    """What a log shows of the server: times in seconds, one for each event, and its memory."""

    loads: list[float]
    calls: list[float]
    memory: list[float]


def run(plan: Plan) -> dict[str, Any]:
    """The whole validation; starts a local AWS and stops it."""
    with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
        scratch = Path(folder)
        with LocalAws(
            directory=scratch / "aws", port=0, provider="none", runtime="process", log_file=scratch / "log"
        ) as aws:
            account = Account(aws.url)
            account.prepare()
            names = tuple(f"model-{number:03}.tar.gz" for number in range(plan.models))
            sizes = []
            for number, name in enumerate(names):
                content = packed_model(number, scratch)
                sizes.append(len(content))
                account.put_model(name, content)
            return _Run(plan, account, aws.url, scratch, names, int(np.mean(sizes))).result()


class _Run:
    def __init__(  # noqa: PLR0917 - made in one place
        self, plan: Plan, account: Account, url: str, scratch: Path, names: tuple[str, ...], artifact_bytes: int
    ) -> None:
        self._plan = plan
        self._account = account
        self._url = url
        self._scratch = scratch
        self._names = names
        self._artifact_bytes = artifact_bytes

    def result(self) -> dict[str, Any]:
        base, each = self._memory()
        budget = base + each * (self._plan.kept + 0.5)
        limited = {"MODEL_SERVER_MEMORY_MIB": str(round(budget / MIB))}
        first, second = (self._trace(seed) for seed in self._plan.seeds)
        seen, server, _ = self._measure("calibration", first, limited)
        profiles, behaviour, fleet = self._calibrated(first, seen, server, int(each), budget - base)
        predicted = self._predicted(second, profiles, behaviour, fleet, server)
        measured, _, hits = self._measure("validation", second, limited)
        return {
            "plan": asdict(self._plan),
            "calibrated": {
                "model_mib": round(each / MIB, 2),
                "server_mib": round(base / MIB, 1),
                "load_ms": round(float(np.median(server.loads)) * 1000, 1),
                "call_ms": round(float(np.median(server.calls)) * 1000, 2),
                "load_variation": round(behaviour.load_variation, 2),
                "download_ms": round(behaviour.download_seconds * 1000, 1),
                "overhead_ms": round(behaviour.overhead_seconds * 1000, 2),
            },
            "predicted": predicted,
            "measured": _figures(measured.latency_seconds) | {"hit_ratio": hits, "cold_rate": 1 - hits},
            "client_late_p99_ms": round(measured.late_p99_seconds * 1000, 2),
            "failures": list(measured.failures),
        }

    def _trace(self, seed: int) -> Trace:
        plan = self._plan
        return generate(Workload(plan.models, plan.rate, plan.seconds, plan.exponent, seed=seed), self._names)

    def _memory(self) -> tuple[float, float]:
        """Bytes of the server without models and of each model, from all models loaded one after the other."""
        trace = make_trace(np.arange(2 * len(self._names)) * 0.25, self._names * 2)
        _, server, _ = self._measure("memory", trace, {"MODEL_SERVER_MEMORY_MIB": "16000"})
        loaded = np.linspace(0, 1, len(server.memory))
        half = len(server.memory) // 2
        # The models are all loaded in the first half of the time.
        slope, base = np.polyfit(loaded[:half] * 2 * len(self._names), server.memory[:half], 1)
        return float(base), float(slope)

    def _measure(self, name: str, trace: Trace, environment: dict[str, str]) -> tuple[Replayed, Server, float]:
        variables = {"MODEL_SERVER_WORKERS": str(self._plan.workers), "MODEL_SERVER_METRICS_SECONDS": "1"}
        self._account.create_endpoint(name, variables | environment)
        try:
            seen = replay(trace, self._url, name, BODY)
            time.sleep(_SHIPPING_SECONDS)
            hits, _ = self._account.hit_ratio(name)
            server = read_server(self._account.log(name, self._scratch / f"{name}.json"))
        finally:
            self._account.delete_endpoint(name)
        print(f"{name}: {len(trace)} calls, hit ratio {hits:.3f}, {_figures(seen.latency_seconds)}", flush=True)
        return seen, server, hits

    def _calibrated(
        self, trace: Trace, seen: Replayed, server: Server, memory: int, room: float
    ) -> tuple[Profiles, Behaviour, Fleet]:
        """What the first trace shows. Its calls are few enough to wait rarely, so that medians show no queue."""
        load, call = float(np.median(server.loads)), float(np.median(server.calls))
        overhead = float(np.nanquantile(seen.latency_seconds, 0.25)) - float(np.quantile(server.calls, 0.25))
        count = self._plan.models
        profiles = Profiles(
            np.full(count, self._artifact_bytes), np.full(count, memory), np.full(count, load), np.full(count, call)
        )
        fleet = Fleet(1, self._plan.workers, int(room), 2**40)
        variation = float(np.std(server.loads) / np.mean(server.loads))
        behaviour = Behaviour(
            download_seconds=0.0,
            download_bytes_per_second=float("inf"),
            unload_seconds=0.003,
            overhead_seconds=max(0.0, overhead),
            load_variation=variation,
        )
        mean_load = replace(profiles, load_seconds=np.full(count, float(np.mean(server.loads))))
        dry = simulate(_with_calls(trace, server, 1), mean_load, fleet, behaviour)
        # What slow calls take beyond the simulation is the download, and SageMaker's part of a load.
        slow = dry.cold & ~np.isnan(seen.latency_seconds)
        missing = float(np.median(np.sort(seen.latency_seconds[~np.isnan(seen.latency_seconds)])[-slow.sum() :]))
        download = max(0.0, missing - float(np.median(dry.latency_seconds[slow])))
        return mean_load, replace(behaviour, download_seconds=download), fleet

    def _predicted(
        self, trace: Trace, profiles: Profiles, behaviour: Behaviour, fleet: Fleet, server: Server
    ) -> dict[str, float]:
        outcome = simulate(_with_calls(trace, server, 2), profiles, fleet, behaviour)
        hits = 1 - float(outcome.cold.mean())
        return _figures(outcome.latency_seconds) | {"hit_ratio": hits, "cold_rate": 1 - hits}


def _with_calls(trace: Trace, server: Server, seed: int) -> Trace:
    """The trace with service times drawn from those that were seen."""
    drawn = np.random.default_rng(seed).choice(np.array(server.calls), len(trace))
    return replace(trace, service_seconds=drawn)


def read_server(path: Path) -> Server:
    """Loads, answered calls and memory in the model server's log at `path`."""
    loads, calls, memory = [], [], []
    for _, line in log_lines(path):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "load":
            loads.append(event["milliseconds"] / 1000)
        elif event.get("event") == "request" and event["path"].endswith("/invoke") and event["status"] == 200:
            calls.append(event["milliseconds"] / 1000)
        elif event.get("Server") == "all":
            memory.append(float(event["MemoryUsed"]))
    return Server(loads, calls, memory)


def _figures(latency: "np.ndarray") -> dict[str, float]:
    values = latency[~np.isnan(latency)]
    p50, p95, p99 = (round(float(value) * 1000, 1) for value in np.quantile(values, (0.5, 0.95, 0.99)))
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "failed": round(1 - len(values) / len(latency), 4)}
