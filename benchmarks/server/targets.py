"""The targets, and a run's verdict on each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Value = str | int | float


@dataclass(frozen=True)
class Target:
    """A number of the results that must not pass a bound.

    Attributes:
        key: the number's name in server.json.
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


TARGETS = (
    Target("cold_ratio", "cold: load and first answer, server warm", "at_most", 1 / 30, "<= 1/30", _fraction),
    Target("memory_ratio", "memory of a further SqueezeNet", "at_most", 1 / 15, "<= 1/15", _fraction),
    Target("resident_ratio", "models in the same memory", "at_least", 12, ">= 12x", _times),
    Target("mxnet_throughput_ratio", "requests/s, 8 clients, MXNet", "at_least", 1.3, ">= 1.3x", _times),
    Target("onnx_throughput_ratio", "requests/s, 8 clients, ONNX Runtime", "at_least", 2.5, ">= 2.5x", _times),
    Target("mxnet_p99_ratio", "p99, 8 clients, MXNet", "at_most", 1 / 2, "<= 1/2", _fraction),
    Target("onnx_p99_ratio", "p99, 8 clients, ONNX Runtime", "at_most", 1 / 3, "<= 1/3", _fraction),
    Target(
        "overhead_ms",
        "overhead above decoding and engine, one client, p50",
        "at_most",
        1.0,
        "<= 1 ms",
        "{:.2f} ms".format,
    ),
    Target("hit_ratio_gap", "hit ratio below an ideal LRU's, in points", "at_most", 1.0, "<= 1", "{:.2f}".format),
    Target("failed_requests", "failed requests under Zipf traffic", "at_most", 0, "none", "{:.0f}".format),
)


def unmet(result: Mapping[str, Value]) -> list[Target]:
    """The targets that a result misses."""
    return [target for target in TARGETS if not target.met(float(result[target.key]))]
