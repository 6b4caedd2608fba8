"""The parts of a run: each starts the servers that it compares, and stops them."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .answers import graphs_difference, largest_difference, random_tensor
from .bare_server import bare_server
from .checkpoints import CheckpointStore
from .contenders import BASELINE, BASELINE_PER_CORE, MLSERVER, MXNET, ONNX, TRITON
from .measure_cache import measure_cache
from .measure_kill import WORKERS as KILL_WORKERS
from .measure_kill import measure_kill
from .measure_loading import Loading, load_by_turns, measure_again, measure_loading
from .measure_neighbours import measure_neighbours, write_slow_loader
from .measure_tabular import MODEL as TABULAR
from .measure_tabular import measure_tabular
from .measure_throughput import Contender, Throughput, measure_throughput, one_turn
from .measure_time import Phases, TimeSpent, baseline_phases, measure_bare_sockets, measure_time, own_phases
from .mlserver import MLServer
from .model_server import forms_folder, model_server
from .multi_model_server import multi_model_server
from .outcome import Outcome
from .percentiles import percentile
from .photograph import photograph_jpeg
from .plan import Plan
from .programs import Programs
from .progress import say
from .results import (
    HEADLINE,
    MIB,
    RivalRun,
    again_outcome,
    cache_outcome,
    kill_outcome,
    loading_outcome,
    neighbours_outcome,
    rivals_outcome,
    tabular_outcome,
    throughput_outcome,
    time_outcome,
    workers_outcome,
)
from .server_process import ServerProcess
from .tabular_model import write_tabular_model
from .traffic import zipf_trace
from .triton import Triton

ARCHITECTURE_NAMES = ("squeezenet", "resnet18")
SEED = 20


class Run:
    """One run: its folder, its models, its programs, its plan.

    Args:
        work: folder for models and servers.
        plan: sizes.
        programs: of the other servers.
        cores: of the machine.
    """

    def __init__(self, work: Path, plan: Plan, programs: Programs, cores: int) -> None:
        self._work = work / "run"
        self._plan = plan
        self._store = CheckpointStore(work / "models")
        self._programs = programs
        self._cores = cores

    def measure(self, part: str) -> Outcome:
        """One of programs.PARTS."""
        measures: dict[str, Callable[[], Outcome]] = {
            "loading": self.loading,
            "again": self.again,
            "throughput": self.throughput,
            "time": self.time,
            "workers": self.workers,
            "cache": self.cache,
            "rivals": self.rivals,
            "tabular": self.tabular,
            "neighbours": self.neighbours,
            "kill": self.kill,
        }
        return measures[part]()

    def _baseline(self, name: str, workers_per_model: int, timings: Path | None = None) -> ServerProcess:
        folder = self._programs.multi_model_server
        return multi_model_server(folder, self._work / name, workers_per_model, timings)

    def loading(self) -> Outcome:
        """Cold start and memory."""
        say("cold start and memory: preparing the models' files")
        for engine in ("mxnet", "onnxruntime"):
            self._store.many(engine, self._plan.most_models)
        say("cold start and memory: loading models by turns")
        with (
            self._baseline("baseline", 1) as baseline,
            model_server(self._work / "mxnet") as mxnet,
            model_server(self._work / "onnxruntime") as onnxruntime,
        ):
            servers = {BASELINE: baseline, MXNET: mxnet, ONNX: onnxruntime}
            return loading_outcome(measure_loading(servers, self._store, self._plan))

    def again(self) -> Outcome:
        """Cold start and memory of models that this machine has loaded before."""
        count = self._plan.again_models
        onnx, mxnet = self._store.many("onnxruntime", count), self._store.many("mxnet", count)
        say("cold start of models that were loaded before: loading models by turns")
        with (
            self._baseline("again-baseline", 1) as baseline,
            model_server(self._work / "again-mxnet") as ours,
            model_server(self._work / "again-onnxruntime") as onnxruntime,
        ):
            servers = {BASELINE: baseline, MXNET: ours, ONNX: onnxruntime}
            folders = {BASELINE: mxnet, MXNET: mxnet, ONNX: onnx}
            return again_outcome(measure_again(servers, folders, forms_folder(self._work / "again-onnxruntime")))

    def throughput(self) -> Outcome:
        """Requests/s and p99 with 8 clients, and with other numbers of them."""
        with contextlib.ExitStack() as servers:
            baseline = servers.enter_context(self._baseline("baseline", 1))
            per_core = servers.enter_context(self._baseline("baseline-per-core", self._cores))
            ours = servers.enter_context(model_server(self._work / "server"))
            contenders = self._load_everywhere(baseline, per_core, ours)
            difference = largest_difference(contenders[HEADLINE], *random_tensor())
            throughput = self._turns(contenders, self._plan.rounds)
            return throughput_outcome(throughput, self._clients(contenders[HEADLINE]), difference)

    def _turns(self, contenders: Mapping[str, list[Contender]], rounds: int) -> dict[str, dict[str, Throughput]]:
        found = {}
        for architecture, entries in contenders.items():
            say(f"throughput of {architecture}")
            found[architecture] = measure_throughput(entries, 8, self._plan.round_seconds, rounds)
        return found

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

    def time(self) -> Outcome:
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
        return time_outcome(one, eight, bare_sockets)

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

    def workers(self) -> Outcome:
        """Requests/s by number of workers."""
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
        return workers_outcome(found)

    def cache(self) -> Outcome:
        """Many models in little memory."""
        plan = self._plan
        folders = self._store.many("mxnet", plan.zipf_models)
        memory_mib = math.ceil(self._accounted_bytes(folders[: plan.zipf_capacity]) / MIB)
        trace = zipf_trace(plan.zipf_models, plan.zipf_requests, plan.zipf_exponent, SEED)
        say(
            f"{plan.zipf_models} models, memory for {plan.zipf_capacity} ({memory_mib} MiB), "
            f"{plan.zipf_requests} requests"
        )
        with model_server(self._work / "server-cache", memory_mib=memory_mib) as server:
            return cache_outcome(
                measure_cache(server, folders, trace, plan.zipf_capacity, budget_bytes=memory_mib * MIB)
            )

    def _accounted_bytes(self, folders: Sequence[Path]) -> int:
        """What the server says that it holds with these models, each of which answered once."""
        say(f"what {len(folders)} models take")
        with model_server(self._work / "server-filled") as server:
            for number, folder in enumerate(folders):
                server.load(f"m{number}", folder)
                server.invoke(f"m{number}", photograph_jpeg())
            return server.accounted_bytes() or 0

    def rivals(self) -> Outcome:
        """Triton and MLServer, beside the baseline and this server with ONNX Runtime."""
        loading = self._rival_loading()
        with self._rival_servers(self._cores) as servers:
            contenders = {
                architecture: [self._loaded(name, server, architecture) for name, server in servers.items()]
                for architecture in ARCHITECTURE_NAMES
            }
            difference = graphs_difference(contenders[HEADLINE])
            throughput = self._turns(contenders, self._plan.rival_rounds)
        return rivals_outcome(RivalRun(loading, throughput, difference))

    def _rival_loading(self) -> dict[str, Loading]:
        say("cold start and memory beside Triton and MLServer: loading models by turns")
        count = self._plan.rival_models
        onnx, mxnet = self._store.many("onnxruntime", count), self._store.many("mxnet", count)
        with self._rival_servers(1) as servers:
            folders = {name: mxnet if name == BASELINE else onnx for name in servers}
            return load_by_turns(servers, folders)

    @contextmanager
    def _rival_servers(self, processes: int) -> Iterator[dict[str, ServerProcess]]:
        """The servers by name; the others have so many processes a model."""
        programs = self._programs
        with (
            self._baseline("rivals-baseline", processes) as baseline,
            model_server(self._work / "rivals-server") as ours,
            Triton(programs.triton, self._work / "rivals-triton", processes) as triton,
            MLServer(programs.mlserver, self._work / "rivals-mlserver", processes) as mlserver,
        ):
            yield {BASELINE: baseline, ONNX: ours, TRITON: triton, MLSERVER: mlserver}

    def _loaded(self, name: str, server: ServerProcess, architecture: str) -> Contender:
        store = self._store.mxnet if name == BASELINE else self._store.onnx
        server.load(architecture, server.prepare(architecture, store(architecture, 0)))
        return Contender(name, server, architecture)

    def tabular(self) -> Outcome:
        """A tiny model."""
        say("a tabular model, 8 clients")
        with model_server(self._work / "server-tabular") as server:
            server.load(TABULAR, write_tabular_model(self._work / "tabular-model"))
            return tabular_outcome(measure_tabular(server, self._plan.round_seconds, self._plan.rounds))

    def neighbours(self) -> Outcome:
        """A warm model beside noisy ones."""
        say("a warm model beside noisy neighbours")
        slow_loader = write_slow_loader(self._work / "slow-loader")
        with model_server(self._work / "server-neighbours") as server:
            models = ("warm", "hot")
            for number, name in enumerate(models):
                server.load(name, self._store.onnx(HEADLINE, number))
            warm, hot = (Contender(name, server, name) for name in models)
            return neighbours_outcome(
                measure_neighbours(warm, hot, slow_loader, self._plan.neighbour_seconds, self._plan.neighbour_rounds)
            )

    def kill(self) -> Outcome:
        """A killed worker."""
        models = [f"m{number}" for number in range(self._plan.kill_models)]
        say(f"{len(models)} models on {KILL_WORKERS} workers, of which one is killed")
        folder = write_tabular_model(self._work / "tabular-model")
        with model_server(self._work / "server-kill", KILL_WORKERS) as server:
            for name in models:
                server.load(name, folder)
            return kill_outcome(measure_kill(server, models))
