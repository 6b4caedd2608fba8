"""`python -m benchmarks.server [--quick]`: install the baseline, measure everything, write the results."""

import argparse
import contextlib
import io
import json
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from .bare_server import bare_server
from .checkpoints import INPUT_SHAPE, CheckpointStore
from .contenders import BASELINE, BASELINE_PER_CORE, MXNET, ONNX
from .errors import BenchmarkError
from .machine import describe_machine
from .measure_cache import CacheRun, measure_cache
from .measure_loading import Loading, measure_loading
from .measure_throughput import Contender, Throughput, measure_throughput, one_turn
from .measure_time import Phases, TimeSpent, baseline_phases, measure_bare_sockets, measure_time, own_phases
from .model_server import model_server
from .multi_model_server import REQUIREMENTS, check_java, install, multi_model_server
from .percentiles import percentile
from .plan import FULL, QUICK, Plan
from .plots import draw_plots
from .progress import say
from .report import render_report
from .results import HEADLINE, MIB, Measures, flat_result, raw_numbers
from .server_process import ServerProcess
from .targets import TARGETS, unmet
from .traffic import zipf_trace

RESULTS = Path(__file__).resolve().parents[1]
ROOT = RESULTS.parent
ARCHITECTURE_NAMES = ("squeezenet", "resnet18")
SEED = 20


class Run:
    """One run: its folder, its models, its programs, its plan."""

    def __init__(self, work: Path, plan: Plan) -> None:
        self._work = work / "run"
        self._plan = plan
        self._store = CheckpointStore(work / "models")
        self._programs = install(work / "multi-model-server")

    def measure(self, cores: int) -> Measures:
        """All measures, one after the other."""
        loading = self.loading()
        with contextlib.ExitStack() as servers:
            baseline = servers.enter_context(self._baseline("baseline", 1))
            per_core = servers.enter_context(self._baseline("baseline-per-core", cores))
            ours = servers.enter_context(model_server(self._work / "server"))
            contenders = self._load_everywhere(baseline, per_core, ours)
            difference = self._largest_difference(contenders[HEADLINE])
            throughput = self._throughput(contenders)
            clients = self._clients(contenders[HEADLINE])
        time_spent, time_queued, bare_sockets = self._time()
        return Measures(
            loading=loading,
            throughput=throughput,
            time=time_spent,
            time_queued=time_queued,
            bare_sockets_milliseconds=bare_sockets,
            clients=clients,
            workers=self._workers(),
            cache=self._cache(loading[MXNET]),
            largest_output_difference=difference,
        )

    def _baseline(self, name: str, workers_per_model: int, timings: Path | None = None) -> ServerProcess:
        return multi_model_server(self._programs, self._work / name, workers_per_model, timings)

    def loading(self) -> dict[str, Loading]:
        say("cold start and memory: preparing the models' files")
        for engine in ("mxnet", "onnxruntime"):
            self._store.many(engine, self._plan.most_models)
        say("cold start and memory: loading models by turns")
        with (
            self._baseline("baseline", 1) as baseline,
            model_server(self._work / "mxnet") as mxnet,
            model_server(self._work / "onnxruntime") as onnxruntime,
        ):
            return measure_loading({BASELINE: baseline, MXNET: mxnet, ONNX: onnxruntime}, self._store, self._plan)

    def _load_everywhere(
        self, baseline: ServerProcess, per_core: ServerProcess, ours: ServerProcess
    ) -> dict[str, list[Contender]]:
        contenders = {}
        for architecture in ARCHITECTURE_NAMES:
            checkpoint = self._store.mxnet(architecture, 0)
            for server in (baseline, per_core):
                server.load(architecture, checkpoint)
            ours.load(f"{architecture}-mxnet", checkpoint)
            ours.load(f"{architecture}-onnx", self._store.onnx(architecture, 0))
            contenders[architecture] = [
                Contender(BASELINE, baseline, architecture),
                Contender(BASELINE_PER_CORE, per_core, architecture),
                Contender(MXNET, ours, f"{architecture}-mxnet"),
                Contender(ONNX, ours, f"{architecture}-onnx"),
            ]
        return contenders

    def _largest_difference(self, contenders: list[Contender]) -> float:
        tensor = io.BytesIO()
        np.save(tensor, np.random.RandomState(SEED).rand(*INPUT_SHAPE).astype(np.float32))
        outputs = []
        for contender in contenders:
            answer = json.loads(contender.server.invoke(contender.model, tensor.getvalue(), "application/x-npy"))
            outputs.append(np.asarray(answer["outputs"] if isinstance(answer, dict) else answer))
        return float(max(np.abs(output - outputs[0]).max() for output in outputs) / np.abs(outputs[0]).max())

    def _throughput(self, contenders: dict[str, list[Contender]]) -> dict[str, dict[str, Throughput]]:
        found = {}
        for architecture, entries in contenders.items():
            say(f"throughput of {architecture}")
            found[architecture] = measure_throughput(entries, 8, self._plan.round_seconds, self._plan.rounds)
        return found

    def _time(self) -> tuple[dict[str, TimeSpent], dict[str, TimeSpent], float]:
        """Where the time of requests goes with one client and with eight, and the bare server's milliseconds.

        One server after the other, each alone on the machine: what an idle one does in the background would count as
        the other's overhead.
        """
        say("where the time of requests goes, each server alone")
        seconds, rounds = self._plan.alone_seconds, self._plan.rounds
        one: dict[str, TimeSpent] = {}
        eight: dict[str, TimeSpent] = {}

        def measure(contender: Contender, phases: Callable[[], list[Phases]]) -> None:
            one[contender.name] = measure_time(contender, phases, 1, seconds, rounds)
            eight[contender.name] = measure_time(contender, phases, 8, seconds, 1)

        timings = self._work / "baseline-timings"
        with self._baseline("baseline-timed", 1, timings) as baseline:
            baseline.load(HEADLINE, self._store.mxnet(HEADLINE, 0))
            measure(Contender(BASELINE, baseline, HEADLINE), partial(baseline_phases, timings))
        with model_server(self._work / "server-timed") as ours:
            for name, folder in ((MXNET, self._store.mxnet(HEADLINE, 0)), (ONNX, self._store.onnx(HEADLINE, 0))):
                model = f"{HEADLINE}-{folder.parent.name}"
                ours.load(model, folder)
                measure(Contender(name, ours, model), partial(own_phases, ours.log_path, model))
        with bare_server(self._work / "bare-server") as bare:
            bare_sockets = measure_bare_sockets(bare, seconds)
        return one, eight, bare_sockets

    def _clients(self, contenders: list[Contender]) -> dict[str, dict[int, tuple[float, float]]]:
        found: dict[str, dict[int, tuple[float, float]]] = {contender.name: {} for contender in contenders}
        for clients in self._plan.sweep_clients:
            for contender in contenders:
                load = one_turn(contender, clients, self._plan.sweep_seconds, warm_up_seconds=0.5)
                p99_ms = percentile(load.latencies_seconds, 99) * 1000
                found[contender.name][clients] = (load.requests_per_second, p99_ms)
            rates = ", ".join(f"{name} {points[clients][0]:.0f}/s" for name, points in found.items())
            say(f"{clients} clients: {rates}")
        return found

    def _workers(self) -> dict[str, dict[int, float]]:
        found: dict[str, dict[int, float]] = {BASELINE: {}, MXNET: {}, ONNX: {}}
        for workers in self._plan.sweep_workers:
            with (
                self._baseline("baseline-workers", workers) as baseline,
                model_server(self._work / "server-workers", workers) as ours,
            ):
                baseline.load(HEADLINE, self._store.mxnet(HEADLINE, 0))
                ours.load(MXNET, self._store.mxnet(HEADLINE, 0))
                ours.load("onnx", self._store.onnx(HEADLINE, 0))
                for contender in (
                    Contender(BASELINE, baseline, HEADLINE),
                    Contender(MXNET, ours, MXNET),
                    Contender(ONNX, ours, "onnx"),
                ):
                    load = one_turn(contender, 8, self._plan.sweep_seconds)
                    found[contender.name][workers] = load.requests_per_second
            say(f"{workers} workers: " + ", ".join(f"{name} {points[workers]:.0f}/s" for name, points in found.items()))
        return found

    def _cache(self, loading: Loading) -> CacheRun:
        plan = self._plan
        memory_mib = math.ceil(loading.accounted_bytes_with(plan.zipf_capacity) / MIB)
        trace = zipf_trace(plan.zipf_models, plan.zipf_requests, plan.zipf_exponent, SEED)
        say(
            f"{plan.zipf_models} models, memory for {plan.zipf_capacity} ({memory_mib} MiB), "
            f"{plan.zipf_requests} requests"
        )
        folders = self._store.many("mxnet", plan.zipf_models)
        with model_server(self._work / "server-cache", memory_mib=memory_mib) as server:
            return measure_cache(server, folders, trace, plan.zipf_capacity, budget_bytes=memory_mib * MIB)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0, or 1 when it could not be run. A missed target is a result, not a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run of every measure, results to .local/benchmarks/quick"
    )
    parser.add_argument("--check", action="store_true", help="exit with 2 when a target is missed")
    options = parser.parse_args(arguments)
    # A stop by signal must end the servers as an exception does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger().setLevel(logging.WARNING)
    work = ROOT / ".local" / "benchmarks"
    results = work / "quick" if options.quick else RESULTS
    plan = QUICK if options.quick else FULL
    started = time.monotonic()
    try:
        machine = describe_machine(check_java(), REQUIREMENTS)
        measures = Run(work, plan).measure(int(machine["cores"]))
    except BenchmarkError as error:
        print(f"benchmarks.server: {error}", file=sys.stderr)
        return 1
    result = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "minutes": round((time.monotonic() - started) / 60, 1),
        **machine,
        # Of the last 15 minutes: about the run's length, its own load included.
        "load_average_after": round(os.getloadavg()[2], 2),
        **flat_result(measures),
    }
    results.mkdir(parents=True, exist_ok=True)
    _write_json(results / "server.json", result)
    _write_json(results / "server-raw.json", raw_numbers(measures))
    (results / "server.md").write_text(render_report(result))
    draw_plots(measures, results)
    missed = unmet(result)
    for target in TARGETS:
        value = float(result[target.key])
        say(f"{target.measure}: {target.show(value)} (target {target.text}): {target.margin(value)}")
    say(f"{len(TARGETS) - len(missed)} of {len(TARGETS)} targets met; {results / 'server.md'}")
    return 2 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
