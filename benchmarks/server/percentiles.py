"""Order statistics of the samples a measure takes."""

from collections.abc import Sequence
from typing import TypedDict


class Latencies(TypedDict):
    """Summary of response times, in milliseconds, with the number of samples it was made from."""

    count: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


def percentile(samples: Sequence[float], percent: float) -> float:
    """The value that `percent` per cent of the samples do not exceed, interpolated between neighbours.

    Raises ValueError without samples, or for a percentage outside 0..100.
    """
    if not samples:
        raise ValueError("percentile of no samples")
    if not 0 <= percent <= 100:
        raise ValueError(f"percentage {percent} is not within 0..100")
    ordered = sorted(samples)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    if below + 1 == len(ordered):
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (position - below)


def median(samples: Sequence[float]) -> float:
    """The 50th percentile."""
    return percentile(samples, 50)


def summarise(samples_seconds: Sequence[float]) -> Latencies:
    """Summary of response times given in seconds. Raises ValueError without samples."""
    if not samples_seconds:
        raise ValueError("summary of no samples")
    milliseconds = [sample * 1000 for sample in samples_seconds]
    return Latencies(
        count=len(milliseconds),
        mean_ms=round(sum(milliseconds) / len(milliseconds), 3),
        p50_ms=round(percentile(milliseconds, 50), 3),
        p90_ms=round(percentile(milliseconds, 90), 3),
        p99_ms=round(percentile(milliseconds, 99), 3),
        max_ms=round(max(milliseconds), 3),
    )


def histogram(samples_seconds: Sequence[float], width_milliseconds: float = 1.0) -> dict[str, int]:
    """How many samples fall into each bucket of the given width; keys are the buckets' lower bounds in milliseconds."""
    buckets: dict[float, int] = {}
    for sample in samples_seconds:
        bound = int(sample * 1000 / width_milliseconds) * width_milliseconds
        buckets[bound] = buckets.get(bound, 0) + 1
    return {f"{bound:g}": buckets[bound] for bound in sorted(buckets)}
