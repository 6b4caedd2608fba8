"""What parts of a run measured, as numbers under names and as raw values. Ratios are within one part of one run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from .contenders import BASELINE, BASELINE_PER_CORE, MLSERVER, MXNET, ONNX, TRITON
from .measure_cache import CacheRun
from .measure_kill import OK, Kill
from .measure_loading import Loading
from .measure_neighbours import ALONE, BESIDE_HOT, BESIDE_LOAD, Neighbours
from .measure_tabular import Tabular
from .measure_throughput import Throughput
from .measure_time import TimeSpent
from .outcome import Outcome
from .percentiles import histogram, median, percentile, summarise
from .plots import clients_figure, memory_figure, time_figure, workers_figure
from .targets import Value

HEADLINE = "squeezenet"
MIB = 2**20
PREFIXES = {BASELINE: "baseline", BASELINE_PER_CORE: "baseline_per_core", MXNET: "mxnet", ONNX: "onnx"}
RIVALS = {BASELINE: "baseline", ONNX: "onnx", TRITON: "triton", MLSERVER: "mlserver"}
Sweep = Mapping[str, Mapping[int, tuple[float, float]]]


def loading_outcome(loading: Mapping[str, Loading]) -> Outcome:
    """Cold start, memory and resident models of the baseline, MXNET and ONNX."""
    baseline = loading[BASELINE]
    limit_bytes = baseline.memory[-1].proportional_bytes
    numbers: dict[str, Value] = {
        "baseline_cold_ms": median(baseline.warm_server_cold_seconds) * 1000,
        "baseline_memory_mib": baseline.bytes_per_model() / MIB,
        "baseline_file_mib": baseline.file_bytes_per_model() / MIB,
        "baseline_resident_models": baseline.models,
        "resident_memory_mib": limit_bytes / MIB,
    }
    # The default engine's ratios carry no prefix.
    starts = len(baseline.warm_server_cold_seconds)
    for prefix, suffix, name in (("mxnet_", "", MXNET), ("onnx_", "onnx_", ONNX)):
        ours = loading[name]
        # As many cold starts as the baseline's, made in the same minutes.
        cold = median(ours.warm_server_cold_seconds[:starts])
        resident = ours.models_within(limit_bytes)
        numbers |= {
            f"{prefix}cold_ms": cold * 1000,
            f"{prefix}memory_mib": ours.bytes_per_model() / MIB,
            f"{prefix}file_mib": ours.file_bytes_per_model() / MIB,
            f"{prefix}resident_models": resident,
            f"{suffix}cold_ratio": cold / median(baseline.warm_server_cold_seconds),
            f"{suffix}memory_ratio": ours.bytes_per_model() / baseline.bytes_per_model(),
            f"{suffix}resident_ratio": resident / baseline.models,
        }
    return Outcome(numbers, _raw_loading(loading), {"server-memory.png": memory_figure(loading)})


def again_outcome(again: Mapping[str, Loading]) -> Outcome:
    """Cold start and memory of the baseline, MXNET and ONNX, with models that they have loaded before."""
    baseline = again[BASELINE]
    numbers: dict[str, Value] = {}
    for name, loading in again.items():
        prefix = f"again_{PREFIXES[name]}"
        numbers |= {
            f"{prefix}_cold_ms": median(loading.warm_server_cold_seconds) * 1000,
            f"{prefix}_memory_mib": loading.bytes_per_model() / MIB,
            f"{prefix}_file_mib": loading.file_bytes_per_model() / MIB,
        }
        if name != BASELINE:
            numbers |= {
                f"{prefix}_cold_ratio": median(loading.warm_server_cold_seconds)
                / median(baseline.warm_server_cold_seconds),
                f"{prefix}_memory_ratio": loading.bytes_per_model() / baseline.bytes_per_model(),
            }
    return Outcome(numbers, _raw_loading(again))


def throughput_outcome(
    throughput: Mapping[str, Mapping[str, Throughput]], sweep: Sweep, largest_difference: float
) -> Outcome:
    """By architecture and contender with 8 clients; requests/s and p99 ms by contender and clients."""
    numbers: dict[str, Value] = {}
    for prefix, contender in (("mxnet", MXNET), ("onnx", ONNX)):
        for architecture, loads in throughput.items():
            suffix = "" if architecture == HEADLINE else f"_{architecture}"
            for baseline, column in ((BASELINE, ""), (BASELINE_PER_CORE, "_worker_per_core")):
                rate, p99 = _ratios(loads[contender], loads[baseline])
                numbers[f"{prefix}_throughput_ratio{suffix}{column}"] = rate
                numbers[f"{prefix}_p99_ratio{suffix}{column}"] = p99
    for name, prefix in PREFIXES.items():
        numbers |= _throughput_numbers(prefix, throughput[HEADLINE][name])
    numbers |= {
        "throughput_failures": sum(t.failures for loads in throughput.values() for t in loads.values()),
        "largest_output_difference": largest_difference,
        "client_cpu_share": max(t.client_cpu_share for t in throughput[HEADLINE].values()),
    }
    raw = {
        "eight_clients": {architecture: _raw_throughput(loads) for architecture, loads in throughput.items()},
        "clients": {
            name: {
                str(clients): {"requests_per_second": round(rate, 2), "p99_ms": round(p99, 2)}
                for clients, (rate, p99) in points.items()
            }
            for name, points in sweep.items()
        },
    }
    return Outcome(numbers, raw, {"server-clients.png": clients_figure(sweep)})


def time_outcome(one: Mapping[str, TimeSpent], eight: Mapping[str, TimeSpent], bare_milliseconds: float) -> Outcome:
    """Where the time goes with one client and with eight; what bare sockets take beyond their work."""
    overheads = {f"{PREFIXES[name]}_overhead_ms": spent.overhead_milliseconds() for name, spent in one.items()}
    overhead = max(overheads["mxnet_overhead_ms"], overheads["onnx_overhead_ms"])
    numbers = overheads | {
        "overhead_ms": overhead,
        "bare_sockets_ms": bare_milliseconds,
        "overhead_beyond_bare_ms": overhead - bare_milliseconds,
    }
    raw = {"one_client": _raw_time(one), "eight_clients": _raw_time(eight)}
    return Outcome(numbers, raw, {"server-time.png": time_figure(one, eight)})


def workers_outcome(workers: Mapping[str, Mapping[int, float]]) -> Outcome:
    """Requests/s by contender and number of workers."""
    raw = {name: {str(count): round(rate, 2) for count, rate in points.items()} for name, points in workers.items()}
    return Outcome({}, raw, {"server-workers.png": workers_figure(workers)})


def cache_outcome(cache: CacheRun) -> Outcome:
    """Hits beside an ideal cache's."""
    numbers = {
        "hit_ratio": cache.hit_ratio,
        "ideal_hit_ratio": cache.ideal_hit_ratio,
        "hit_ratio_gap": (cache.ideal_hit_ratio - cache.hit_ratio) * 100,
        "failed_requests": len(cache.failures),
        "zipf_budget_mib": cache.budget_bytes / MIB,
        "zipf_peak_mib": cache.peak_bytes / MIB,
    }
    return Outcome(numbers, asdict(cache))


def tabular_outcome(tabular: Tabular) -> Outcome:
    """The tiny model."""
    throughput = tabular.throughput
    numbers = {
        **_throughput_numbers("tabular", throughput),
        "tabular_engine_ms": tabular.engine_milliseconds,
        "tabular_failures": throughput.failures,
        "tabular_client_cpu_share": throughput.client_cpu_share,
    }
    return Outcome(numbers, _raw_throughput({ONNX: throughput}, histogram_milliseconds=0.1))


def neighbours_outcome(neighbours: Neighbours) -> Outcome:
    """A warm model's p99 beside noisy ones."""
    alone, load, hot = (neighbours.p99_milliseconds(each) for each in (ALONE, BESIDE_LOAD, BESIDE_HOT))
    numbers = {
        "neighbour_alone_p99_ms": alone,
        "neighbour_load_p99_ms": load,
        "neighbour_hot_p99_ms": hot,
        "neighbour_load_ratio": load / alone,
        "neighbour_hot_ratio": hot / alone,
        "neighbour_failures": neighbours.failures,
    }
    raw = {
        "hot_answers": neighbours.hot_answers,
        "situations": {
            name: {"summary": summarise(samples), "histogram_ms": histogram(samples)}
            for name, samples in neighbours.latencies_seconds.items()
        },
    }
    return Outcome(numbers, raw)


def kill_outcome(kill: Kill) -> Outcome:
    """Answers right after a worker was killed."""
    times = {
        name: [answer.seconds for answer in answers]
        for name, answers in (
            ("before", kill.before),
            ("after", kill.after),
            ("others_before", kill.others(kill.before)),
            ("others_after", kill.others(kill.after)),
        )
    }
    failed = sum(answer.status != OK for answer in kill.after)
    other_failures = sum(answer.status != OK for answer in kill.others(kill.after))
    numbers = {
        "kill_models": len(kill.after),
        "kill_lost_models": len(kill.lost),
        "kill_other_failures": other_failures,
        "kill_own_failures": failed - other_failures,
        "kill_slowest_s": max(times["after"]),
        **{f"kill_{name}_p50_ms": median(seconds) * 1000 for name, seconds in times.items()},
        **{f"kill_{name}_slowest_ms": max(seconds) * 1000 for name, seconds in times.items()},
    }
    return Outcome(numbers, {name: histogram(seconds) for name, seconds in times.items()})


@dataclass(frozen=True)
class RivalRun:
    """The servers of RIVALS by turns: loading as they come, throughput with a process a core."""

    loading: Mapping[str, Loading]
    throughput: Mapping[str, Mapping[str, Throughput]]
    largest_difference: float


def rivals_outcome(run: RivalRun) -> Outcome:
    """Triton and MLServer beside the baseline and this server with ONNX Runtime."""
    numbers: dict[str, Value] = {"rivals_output_difference": run.largest_difference}
    ours = run.loading[ONNX]
    for name, prefix in RIVALS.items():
        loading = run.loading[name]
        numbers |= {
            f"rivals_{prefix}_cold_ms": median(loading.warm_server_cold_seconds) * 1000,
            f"rivals_{prefix}_memory_mib": loading.bytes_per_model() / MIB,
            f"rivals_{prefix}_file_mib": loading.file_bytes_per_model() / MIB,
        }
        for architecture, loads in run.throughput.items():
            numbers |= _throughput_numbers(f"rivals_{prefix}_{architecture}", loads[name])
        if name != ONNX:
            cold = median(ours.warm_server_cold_seconds) / median(loading.warm_server_cold_seconds)
            numbers[f"rivals_{prefix}_cold_ratio"] = cold
            numbers[f"rivals_{prefix}_cold_times"] = 1 / cold
            numbers[f"rivals_{prefix}_memory_ratio"] = ours.bytes_per_model() / loading.bytes_per_model()
            for architecture, loads in run.throughput.items():
                rate, p99 = _ratios(loads[ONNX], loads[name])
                numbers[f"rivals_{prefix}_{architecture}_throughput_ratio"] = rate
                numbers[f"rivals_{prefix}_{architecture}_p99_ratio"] = p99
    numbers["rivals_failures"] = sum(t.failures for loads in run.throughput.values() for t in loads.values())
    raw = {
        "loading": _raw_loading(run.loading),
        "eight_clients": {architecture: _raw_throughput(loads) for architecture, loads in run.throughput.items()},
    }
    return Outcome(numbers, raw)


def _ratios(ours: Throughput, theirs: Throughput) -> tuple[float, float]:
    """(requests/s, p99), ours divided by theirs."""
    p99, their_p99 = (percentile(each.latencies_seconds, 99) for each in (ours, theirs))
    return ours.requests_per_second / theirs.requests_per_second, p99 / their_p99


def _throughput_numbers(prefix: str, throughput: Throughput) -> dict[str, Value]:
    return {
        f"{prefix}_requests_per_second": throughput.requests_per_second,
        f"{prefix}_cpu_ms_per_request": throughput.server_cpu_milliseconds,
        f"{prefix}_p50_ms": percentile(throughput.latencies_seconds, 50) * 1000,
        f"{prefix}_p99_ms": percentile(throughput.latencies_seconds, 99) * 1000,
    }


def _raw_loading(loading: Mapping[str, Loading]) -> dict[str, object]:
    return {
        name: {
            "cold_ms": [round(seconds * 1000, 2) for seconds in each.cold_seconds],
            "private_mib": [round(memory.private_bytes / MIB, 2) for memory in each.memory],
            "file_mib": [round(memory.file_bytes / MIB, 2) for memory in each.memory],
            "proportional_mib": [round(memory.proportional_bytes / MIB, 2) for memory in each.memory],
            "accounted_mib": [round(accounted / MIB, 2) for accounted in each.accounted_bytes],
            "processes": [memory.processes for memory in each.memory],
        }
        for name, each in loading.items()
    }


def _raw_throughput(loads: Mapping[str, Throughput], histogram_milliseconds: float = 1.0) -> dict[str, object]:
    return {
        name: {
            "summary": summarise(throughput.latencies_seconds),
            "requests_per_second_each_round": [round(load.requests_per_second, 2) for load in throughput.loads],
            "server_cpu_ms_per_request": round(throughput.server_cpu_milliseconds, 3),
            "client_cpu_share": round(throughput.client_cpu_share, 4),
            "failures": throughput.failures,
            "histogram_ms": histogram(throughput.latencies_seconds, histogram_milliseconds),
        }
        for name, throughput in loads.items()
    }


def _raw_time(time: Mapping[str, TimeSpent]) -> dict[str, object]:
    return {
        name: {
            "latency": summarise(spent.latencies_seconds),
            "latency_histogram_ms": histogram(spent.latencies_seconds, 0.25),
            "medians_ms": {phase: round(value, 3) for phase, value in spent.medians_milliseconds().items()},
            "phase_histograms_ms": {phase: histogram(samples, 0.25) for phase, samples in spent.phases_seconds.items()},
        }
        for name, spent in time.items()
    }
