"""Which design to take, why, and how far it is from the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from capacity.design import Design, Kind
from capacity.growth import Growth


@dataclass(frozen=True)
class Recommendation:
    """The choice.

    Attributes:
        design: the cheapest shared endpoint that reaches the goals; if none does, the one that misses fewest of them.
        runner_up: the next best one of another type or, if only one type will do, of another count.
        reasons: sentences.
    """

    design: Design
    runner_up: Design | None
    reasons: tuple[str, ...]


def recommend(shared: Sequence[Design], others: Sequence[Design], currency: str) -> Recommendation:
    """Choose among `shared`, at least one, and say how `others` (shards, separate endpoints) compare."""
    ranked = sorted(shared, key=_rank)
    best = ranked[0]
    rest = ranked[1:]
    runner_up = next((design for design in rest if design.instance_type != best.instance_type), None)
    if runner_up is None or not runner_up.reaches_goals:
        runner_up = rest[0] if rest else None
    reasons = [_why(best, currency), *_one_less(best, shared)]
    if runner_up is not None:
        reasons.append(f"Next is {runner_up.label}: {_compared(runner_up, best, currency)}.")
    reasons += [f"{_named(design)} ({design.label}): {_compared(design, best, currency)}." for design in others]
    return Recommendation(best, runner_up, tuple(reasons))


def growth_sentence(growth: Growth, design: Design) -> str:
    """What more load does to the recommended design."""
    doubled = growth.designs[2.0]
    words = "still reaches the goals" if doubled.reaches_goals else f"misses goals: {'; '.join(doubled.shortfalls)}"
    limit = f"It reaches the goals up to {growth.factor:.2g} times the trace's load. " if design.reaches_goals else ""
    return f"{limit}At twice the load it {words}."


def _rank(design: Design) -> tuple[bool, int, float, float]:
    p99 = design.measures.p99
    return (not design.reaches_goals, len(design.shortfalls), design.monthly, float("inf") if p99 is None else p99)


def _why(best: Design, currency: str) -> str:
    cost = f"{best.monthly:,.0f} {currency} a month"
    if best.reaches_goals:
        return f"{best.label} is the cheapest shared endpoint that reaches all goals: {cost}."
    misses = "; ".join(best.shortfalls)
    return f"No design that was tried reaches all goals. {best.label} ({cost}) comes closest: {misses}."


def _one_less(best: Design, shared: Sequence[Design]) -> list[str]:
    """Why not fewer instances of the same type."""
    fewer = [d for d in shared if d.instance_type == best.instance_type and d.instances == best.instances - 1]
    return [f"With one instance less: {'; '.join(design.shortfalls)}." for design in fewer if design.shortfalls]


def _compared(other: Design, best: Design, currency: str) -> str:
    difference = other.monthly - best.monthly
    share = ""
    if best.monthly:
        times = other.monthly / best.monthly
        share = f" ({times:,.0f} times as much)" if times >= 10 else f" ({times - 1:+.0%})"
    words = [f"{difference:+,.0f} {currency} a month{share}"]
    if other.measures.p99 is not None and best.measures.p99 is not None:
        words.append(f"p99 {_seconds(other.measures.p99)} against {_seconds(best.measures.p99)}")
    words.append(f"hit ratio {other.measures.hit_ratio:.2%} against {best.measures.hit_ratio:.2%}")
    if other.shortfalls:
        words.append(f"misses goals: {'; '.join(other.shortfalls)}")
    return ", ".join(words)


def _named(design: Design) -> str:
    return f"{design.endpoints} shards" if design.kind is Kind.SHARDS else "One endpoint for each model"


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 10 else f"{value:.1f} s"
