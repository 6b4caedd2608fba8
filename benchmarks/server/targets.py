"""The targets, and a run's verdict on each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Value = str | int | float


@dataclass(frozen=True)
class Target:
    """A number of the results that must not pass a bound.

    Attributes:
        key: the number's name in the results.
        measure: what it is, for people.
        bound: the target; `at_most` or at least that.
        text: the bound, for people.
        show: the number, for people.
    """

    key: str
    measure: str
    direction: Literal["at_most", "at_least"]
    bound: float
    text: str
    show: Callable[[float], str]

    def met(self, value: float) -> bool:
        return value <= self.bound if self.direction == "at_most" else value >= self.bound

    def margin(self, value: float) -> str:
        """By how much the target was met or missed, relative to its bound."""
        verdict = "met" if self.met(value) else "not met"
        return verdict if self.bound == 0 else f"{verdict}, by {abs(value - self.bound) / self.bound:.0%}"


def _fraction(value: float) -> str:
    return f"1/{1 / value:.1f}" if 0 < value < 1 else f"{value:.2f}"


def _times(value: float) -> str:
    return f"{value:.2f}x"


def _milliseconds(value: float) -> str:
    return f"{value:.2f} ms"


def _number(value: float) -> str:
    return f"{value:,.0f}"


TARGETS = (
    Target("onnx_cold_ratio", "cold, ONNX Runtime: load and first answer", "at_most", 1 / 100, "<= 1/100", _fraction),
    Target(
        "again_onnx_cold_ratio",
        "cold, ONNX Runtime, a model that was loaded before",
        "at_most",
        1 / 100,
        "<= 1/100",
        _fraction,
    ),
    Target("rivals_triton_cold_ratio", "cold, ONNX Runtime, against Triton", "at_most", 1 / 60, "<= 1/60", _fraction),
    Target("cold_ratio", "cold, MXNet", "at_most", 1 / 45, "<= 1/45", _fraction),
    Target(
        "again_mxnet_cold_ratio", "cold, MXNet, a model that was loaded before", "at_most", 1 / 45, "<= 1/45", _fraction
    ),
    Target(
        "again_onnx_memory_ratio",
        "private memory of a further SqueezeNet, ONNX Runtime, loaded before",
        "at_most",
        1 / 35,
        "<= 1/35",
        _fraction,
    ),
    Target(
        "onnx_memory_ratio",
        "private memory of a further SqueezeNet, ONNX Runtime",
        "at_most",
        1 / 35,
        "<= 1/35",
        _fraction,
    ),
    Target("memory_ratio", "private memory of a further SqueezeNet, MXNet", "at_most", 1 / 15, "<= 1/15", _fraction),
    Target("resident_ratio", "models in the same memory", "at_least", 12, ">= 12x", _times),
    Target("mxnet_throughput_ratio", "requests/s, 8 clients, MXNet", "at_least", 2.7, ">= 2.7x", _times),
    Target("onnx_throughput_ratio", "requests/s, 8 clients, ONNX Runtime", "at_least", 3.1, ">= 3.1x", _times),
    Target("mxnet_p99_ratio", "p99, 8 clients, MXNet", "at_most", 1 / 3, "<= 1/3", _fraction),
    Target("onnx_p99_ratio", "p99, 8 clients, ONNX Runtime", "at_most", 1 / 3, "<= 1/3", _fraction),
    *(
        Target(
            f"{prefix}_{key}_resnet18_worker_per_core",
            f"{measure}, ResNet-18, {engine}, against a worker per core",
            direction,
            bound,
            text,
            _times,
        )
        for key, measure, direction, bound, text in (
            ("throughput_ratio", "requests/s", "at_least", 1.1, ">= 1.1x"),
            ("p99_ratio", "p99", "at_most", 1, "<= 1x"),
        )
        for prefix, engine in (("mxnet", "MXNet"), ("onnx", "ONNX Runtime"))
    ),
    Target(
        "overhead_beyond_bare_ms",
        "overhead above decoding, engine and bare sockets, one client, p50",
        "at_most",
        0.7,
        "<= 0.7 ms",
        _milliseconds,
    ),
    Target(
        "tabular_requests_per_second", "requests/s, 8 clients, tabular model", "at_least", 3000, ">= 3,000", _number
    ),
    Target("neighbour_load_ratio", "p99 of a warm model beside one that loads for 6 s", "at_most", 2, "<= 2x", _times),
    Target("neighbour_hot_ratio", "p99 of a warm model beside a hot one", "at_most", 2, "<= 2x", _times),
    Target(
        "kill_slowest_s",
        "first answer of any model after a worker with half of them is killed",
        "at_most",
        1,
        "< 1 s",
        "{:.2f} s".format,
    ),
    Target(
        "kill_other_failures",
        "failed requests to models of the other worker after that kill",
        "at_most",
        0,
        "none",
        _number,
    ),
    Target("hit_ratio_gap", "hit ratio below an ideal LRU's, in points", "at_most", 1.0, "<= 1", "{:.2f}".format),
    Target("failed_requests", "failed requests under Zipf traffic", "at_most", 0, "none", _number),
    Target("throughput_failures", "failed requests, 8 clients", "at_most", 0, "none", _number),
)


def measured(numbers: Mapping[str, Value]) -> list[Target]:
    """The targets that the numbers say anything of."""
    return [target for target in TARGETS if target.key in numbers]


def unmet(numbers: Mapping[str, Value]) -> list[Target]:
    """The targets that the numbers miss. One that was not measured is not missed."""
    return [target for target in measured(numbers) if not target.met(float(numbers[target.key]))]
