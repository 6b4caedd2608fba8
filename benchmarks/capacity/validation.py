"""Predicted and measured: the same trace in the simulation and on an endpoint of the local AWS.

Three endpoints, one after the other, each with one instance. The first has memory for all models, which are called in
turn: what loads, calls, downloads and models take, from the server's log. The second has memory for some of them, which
are called in turn as well: how many it keeps, and what an eviction takes. The third has the same memory, and the trace
is replayed there. Its prediction knows nothing of that run.
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
from capacity.trace import Floats, Trace, make_trace
from local_aws.process import LocalAws

TARGET_HIT_POINTS = 1.0
TARGET_P99_PERCENT = 15.0
_SHIPPING_SECONDS = 3.0
_PASSES, _PAUSE_SECONDS = 4, 0.3


@dataclass(frozen=True)
class Plan:
    """How large a run is. `rate` in calls a second; `kept` models fit into memory; a trace takes `seconds`."""

    models: int = 40
    kept: int = 20
    rate: float = 6.0
    seconds: float = 180.0
    exponent: float = 0.9
    workers: int = 1
    seed: int = 11

    @property
    def names(self) -> tuple[str, ...]:
        """The models' TargetModels."""
        return tuple(f"model-{number:03}.tar.gz" for number in range(self.models))


@dataclass(frozen=True)
class Server:
    """What a log shows of the server: times in seconds, one for each event; each second its bytes
    of memory and how many models are loaded."""

    loads: list[float]
    calls: list[float]
    memory: list[float]
    loaded: list[float]


def run(plan: Plan) -> dict[str, Any]:
    """The whole validation; starts a local AWS and stops it."""
    with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
        scratch = Path(folder)
        with LocalAws(
            directory=scratch / "aws", port=0, provider="none", runtime="process", log_file=scratch / "log"
        ) as aws:
            account = Account(aws)
            account.prepare()
            sizes = []
            for number, name in enumerate(plan.names):
                content = packed_model(number, scratch)
                sizes.append(len(content))
                account.put_model(name, content)
            return _Run(plan, account, aws.url, scratch, int(np.mean(sizes))).result()


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the simulation is given. `calls` are the seconds of warm calls; other times are means or medians."""

    model_bytes: float
    server_bytes: float
    load_seconds: float
    load_variation: float
    calls: Floats
    download_seconds: float
    overhead_seconds: float
    eviction_seconds: float = 0.0
    kept: int = 0

    def figures(self) -> dict[str, float]:
        return {
            "model_mib": round(self.model_bytes / MIB, 2),
            "server_mib": round(self.server_bytes / MIB, 1),
            "load_ms": round(self.load_seconds * 1000, 1),
            "load_variation": round(self.load_variation, 2),
            "call_ms": round(float(self.calls.mean()) * 1000, 2),
            "call_variation": round(float(self.calls.std() / self.calls.mean()), 2),
            "download_ms": round(self.download_seconds * 1000, 1),
            "overhead_ms": round(self.overhead_seconds * 1000, 2),
            "eviction_ms": round(self.eviction_seconds * 1000, 1),
            "kept": self.kept,
        }


class _Run:
    def __init__(self, plan: Plan, account: Account, url: str, scratch: Path, artifact_bytes: int) -> None:
        self._plan = plan
        self._account = account
        self._url = url
        self._scratch = scratch
        self._artifact_bytes = artifact_bytes

    def result(self) -> dict[str, Any]:
        seen = self._calibrated()
        plan = self._plan
        memory = {
            "MODEL_SERVER_MEMORY_MIB": str(round((seen.server_bytes + seen.model_bytes * (plan.kept + 0.5)) / MIB))
        }
        seen = self._with_evictions(seen, memory)
        trace = generate(Workload(plan.models, plan.rate, plan.seconds, plan.exponent, seed=plan.seed), plan.names)
        predicted = self._predicted(trace, seen)
        measured, server, hits = self._measure("validation", trace, memory)
        return {
            "plan": asdict(plan),
            "calibrated": seen.figures(),
            "predicted": predicted,
            "measured": _figures(measured.latency_seconds)
            | {"hit_ratio": hits, "cold_rate": 1 - hits, "most_loaded": max(server.loaded)},
            "client_late_p99_ms": round(measured.late_p99_seconds * 1000, 2),
            "failures": list(measured.failures),
        }

    def _calibrated(self) -> Calibration:
        """Every model is called in turn, slowly enough that nothing waits: once cold, then warm."""
        count = self._plan.models
        trace = make_trace(np.arange(_PASSES * count) * _PAUSE_SECONDS, self._plan.names * _PASSES)
        seen, server, _ = self._measure("calibration", trace, {"MODEL_SERVER_MEMORY_MIB": "16000"})
        if np.isnan(seen.latency_seconds).any() or len(server.calls) != len(trace) or len(server.loads) != count:
            raise RuntimeError(f"the calibration failed: {len(server.calls)} calls, {seen.failures}")
        calls, loads = np.array(server.calls), np.array(server.loads)
        slope, base = np.polyfit(server.loaded, server.memory, 1)
        overhead = np.median((seen.latency_seconds - calls)[count:])
        # What a first call takes beyond the container's load and call: the download, and SageMaker's own part of it.
        download = np.median((seen.latency_seconds - calls)[:count] - loads) - overhead
        first = max(0.0, float(np.mean(calls[:count]) - np.mean(calls[count:])))
        return Calibration(
            model_bytes=float(slope),
            server_bytes=float(base),
            load_seconds=float(loads.mean()) + first,
            load_variation=float(loads.std() / loads.mean()),
            calls=calls[count:],
            download_seconds=max(0.0, float(download)),
            overhead_seconds=max(0.0, float(overhead)),
        )

    def _with_evictions(self, seen: Calibration, memory: dict[str, str]) -> Calibration:
        """Every model is called in turn, where some of them find room only: each call unloads another model first.

        Artifacts are on the disk the second time.
        """
        count = self._plan.models
        trace = make_trace(np.arange(2 * count) * _PAUSE_SECONDS, self._plan.names * 2)
        measured, server, _ = self._measure("evictions", trace, memory)
        if np.isnan(measured.latency_seconds).any() or len(server.loads) != len(trace):
            raise RuntimeError(f"the calibration failed: {len(server.loads)} loads, {measured.failures}")
        rest = (measured.latency_seconds - np.array(server.calls) - np.array(server.loads))[count:]
        eviction = float(np.mean(rest)) - seen.overhead_seconds
        return replace(seen, eviction_seconds=max(0.0, eviction), kept=round(max(server.loaded)))

    def _measure(self, name: str, trace: Trace, environment: dict[str, str]) -> tuple[Replayed, Server, float]:
        variables = {"MODEL_SERVER_WORKERS": str(self._plan.workers), "MODEL_SERVER_METRICS_SECONDS": "1"}
        self._account.create_endpoint(name, variables | environment)
        try:
            seen = replay(trace, self._account.session, self._url, name, BODY)
            time.sleep(_SHIPPING_SECONDS)
            hits, _ = self._account.hit_ratio(name)
            server = read_server(self._account.log(name, self._scratch / f"{name}.json"))
        finally:
            self._account.delete_endpoint(name)
        if np.isnan(seen.latency_seconds).all():
            raise RuntimeError(f"{name}: every call failed: {'; '.join(seen.failures)}")
        print(f"{name}: {len(trace)} calls, hit ratio {hits:.3f}, {_figures(seen.latency_seconds)}", flush=True)
        return seen, server, hits

    def _predicted(self, trace: Trace, seen: Calibration) -> dict[str, float]:
        """The trace in the simulation, with calls drawn from those that were seen."""
        count = self._plan.models
        profiles = Profiles(
            np.full(count, self._artifact_bytes),
            np.full(count, round(seen.model_bytes)),
            np.full(count, seen.load_seconds),
            np.full(count, float(seen.calls.mean())),
        )
        behaviour = Behaviour(
            download_seconds=seen.download_seconds,
            download_bytes_per_second=float("inf"),
            unload_seconds=seen.eviction_seconds,
            load_variation=seen.load_variation,
            overhead_seconds=seen.overhead_seconds,
        )
        drawn = replace(trace, service_seconds=np.random.default_rng(2).choice(seen.calls, len(trace)))
        room = round(seen.model_bytes) * seen.kept
        outcome = simulate(drawn, profiles, Fleet(1, self._plan.workers, room, 2**40), behaviour)
        hits = 1 - float(outcome.cold.mean())
        most = outcome.peak_bytes / round(seen.model_bytes)
        return _figures(outcome.latency_seconds) | {"hit_ratio": hits, "cold_rate": 1 - hits, "most_loaded": most}


def read_server(path: Path) -> Server:
    """Loads, answered calls and memory in the model server's log at `path`."""
    loads, calls, memory, loaded = [], [], [], []
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
            loaded.append(float(event["LoadedModelCount"]))
    return Server(loads, calls, memory, loaded)


def _figures(latency: Floats) -> dict[str, float]:
    values = latency[~np.isnan(latency)]
    p50, p95, p99 = (round(float(value) * 1000, 1) for value in np.quantile(values, (0.5, 0.95, 0.99)))
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "failed": round(1 - len(values) / len(latency), 4)}
