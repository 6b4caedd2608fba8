"""The measures of a run: as one flat object, as raw numbers, and under names."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from .contenders import BASELINE, BASELINE_PER_CORE, MXNET, ONNX
from .measure_cache import CacheRun
from .measure_loading import Loading
from .measure_throughput import Throughput
from .measure_time import TimeSpent
from .percentiles import histogram, median, percentile, summarise
from .targets import Value

HEADLINE = "squeezenet"
MIB = 2**20


@dataclass
class Measures:
    """All that a run measured.

    Attributes:
        loading: by contender (without the worker-per-core one: it only costs more memory).
        throughput: by architecture, then contender, with 8 clients.
        time: one client, by contender.
        time_queued: eight clients, by contender.
        bare_sockets_milliseconds: one client, a bare server of two processes, beyond the work it does.
        clients: requests/s and p99 in milliseconds by contender and number of clients.
        workers: requests/s by contender and number of workers.
        cache: the cache measure.
        largest_output_difference: between any contender's answer to one tensor and the baseline's.
    """

    loading: dict[str, Loading]
    throughput: dict[str, dict[str, Throughput]]
    time: dict[str, TimeSpent]
    time_queued: dict[str, TimeSpent]
    bare_sockets_milliseconds: float
    clients: dict[str, dict[int, tuple[float, float]]]
    workers: dict[str, dict[int, float]]
    cache: CacheRun
    largest_output_difference: float


def flat_result(measures: Measures) -> dict[str, Value]:
    """The numbers that others read, by name. Ratios are ours divided by the baseline's with one worker a model."""
    result: dict[str, Value] = _loading_numbers(measures.loading)
    for prefix, contender in (("mxnet", MXNET), ("onnx", ONNX)):
        for architecture, loads in measures.throughput.items():
            suffix = "" if architecture == HEADLINE else f"_{architecture}"
            for baseline, column in ((BASELINE, ""), (BASELINE_PER_CORE, "_worker_per_core")):
                ours, theirs = loads[contender], loads[baseline]
                result[f"{prefix}_throughput_ratio{suffix}{column}"] = (
                    ours.requests_per_second / theirs.requests_per_second
                )
                result[f"{prefix}_p99_ratio{suffix}{column}"] = percentile(ours.latencies_seconds, 99) / percentile(
                    theirs.latencies_seconds, 99
                )
    for name, prefix in (
        (BASELINE, "baseline"),
        (BASELINE_PER_CORE, "baseline_per_core"),
        (MXNET, "mxnet"),
        (ONNX, "onnx"),
    ):
        throughput = measures.throughput[HEADLINE][name]
        result[f"{prefix}_requests_per_second"] = throughput.requests_per_second
        result[f"{prefix}_cpu_ms_per_request"] = throughput.server_cpu_milliseconds
        result[f"{prefix}_p50_ms"] = percentile(throughput.latencies_seconds, 50) * 1000
        result[f"{prefix}_p99_ms"] = percentile(throughput.latencies_seconds, 99) * 1000
    result["mxnet_overhead_ms"] = measures.time[MXNET].overhead_milliseconds()
    result["onnx_overhead_ms"] = measures.time[ONNX].overhead_milliseconds()
    result["baseline_overhead_ms"] = measures.time[BASELINE].overhead_milliseconds()
    result["overhead_ms"] = max(float(result["mxnet_overhead_ms"]), float(result["onnx_overhead_ms"]))
    result["bare_sockets_ms"] = measures.bare_sockets_milliseconds
    cache = measures.cache
    result |= {
        "hit_ratio": cache.hit_ratio,
        "ideal_hit_ratio": cache.ideal_hit_ratio,
        "hit_ratio_gap": (cache.ideal_hit_ratio - cache.hit_ratio) * 100,
        "failed_requests": len(cache.failures)
        + sum(t.failures for loads in measures.throughput.values() for t in loads.values()),
        "zipf_budget_mib": cache.budget_bytes / MIB,
        "zipf_peak_mib": cache.peak_bytes / MIB,
        "largest_output_difference": measures.largest_output_difference,
        "client_cpu_share": max(t.client_cpu_share for t in measures.throughput[HEADLINE].values()),
    }
    return {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in result.items()}


def _loading_numbers(loading: Mapping[str, Loading]) -> dict[str, Value]:
    baseline = loading[BASELINE]
    limit_bytes = baseline.memory[-1].proportional_bytes
    numbers: dict[str, Value] = {
        "baseline_cold_ms": median(baseline.warm_server_cold_seconds) * 1000,
        "baseline_memory_mib": baseline.bytes_per_model() / MIB,
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
            f"{prefix}resident_models": resident,
            f"{suffix}cold_ratio": cold / median(baseline.warm_server_cold_seconds),
            f"{suffix}memory_ratio": ours.bytes_per_model() / baseline.bytes_per_model(),
            f"{suffix}resident_ratio": resident / baseline.models,
        }
    return numbers


def raw_numbers(measures: Measures) -> dict[str, object]:
    """Every sample, or a histogram where they are many."""
    return {
        "loading": {
            name: {
                "cold_ms": [round(seconds * 1000, 2) for seconds in loading.cold_seconds],
                "private_mib": [round(memory.private_bytes / MIB, 2) for memory in loading.memory],
                "proportional_mib": [round(memory.proportional_bytes / MIB, 2) for memory in loading.memory],
                "accounted_mib": [round(accounted / MIB, 2) for accounted in loading.accounted_bytes],
                "processes": [memory.processes for memory in loading.memory],
            }
            for name, loading in measures.loading.items()
        },
        "throughput_8_clients": {
            architecture: {
                name: {
                    "summary": summarise(throughput.latencies_seconds),
                    "requests_per_second_each_round": [round(load.requests_per_second, 2) for load in throughput.loads],
                    "server_cpu_ms_per_request": round(throughput.server_cpu_milliseconds, 3),
                    "client_cpu_share": round(throughput.client_cpu_share, 4),
                    "failures": throughput.failures,
                    "histogram_ms": histogram(throughput.latencies_seconds),
                }
                for name, throughput in loads.items()
            }
            for architecture, loads in measures.throughput.items()
        },
        "time_1_client": _time_numbers(measures.time),
        "time_8_clients": _time_numbers(measures.time_queued),
        "clients": {
            name: {
                str(clients): {"requests_per_second": round(rate, 2), "p99_ms": round(p99, 2)}
                for clients, (rate, p99) in points.items()
            }
            for name, points in measures.clients.items()
        },
        "workers": {
            name: {str(workers): round(rate, 2) for workers, rate in points.items()}
            for name, points in measures.workers.items()
        },
        "cache": asdict(measures.cache),
    }


def _time_numbers(time: Mapping[str, TimeSpent]) -> dict[str, object]:
    return {
        name: {
            "latency": summarise(spent.latencies_seconds),
            "latency_histogram_ms": histogram(spent.latencies_seconds, 0.25),
            "medians_ms": {phase: round(value, 3) for phase, value in spent.medians_milliseconds().items()},
            "phase_histograms_ms": {phase: histogram(samples, 0.25) for phase, samples in spent.phases_seconds.items()},
        }
        for name, spent in time.items()
    }
