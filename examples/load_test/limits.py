"""What a run may take at most: rate, time, requests, cost. Options raise the small defaults, up to a hard bound."""

from __future__ import annotations

from dataclasses import dataclass

from examples.load_test.errors import LoadTestError

HARD_RATE = 1_500.0
"""More than one process sends without being late."""
HARD_SECONDS = 6 * 3600.0
HARD_REQUESTS = 5_000_000


@dataclass(frozen=True)
class Limits:
    """The most that a run may take.

    Attributes:
        rate: requests a second, on average.
        seconds: duration, warm-up included.
        requests: number of requests, warm-up included.
        cost: estimated cost of the endpoint's instances during the run, in the price table's currency.
    """

    rate: float = 50.0
    seconds: float = 300.0
    requests: int = 10_000
    cost: float = 1.0


@dataclass(frozen=True)
class Demand:
    """What a run would take. `cost` is None if nothing is paid, or if the price is not known."""

    rate: float
    seconds: float
    requests: float
    cost: float | None = None


def check(demand: Demand, limits: Limits) -> None:
    """Raises LoadTestError with every limit that the run would exceed."""
    rows = (
        ("rate", "requests a second", demand.rate, limits.rate, HARD_RATE),
        ("seconds", "seconds", demand.seconds, limits.seconds, HARD_SECONDS),
        ("requests", "requests", demand.requests, float(limits.requests), float(HARD_REQUESTS)),
    )
    complaints = []
    for name, unit, value, limit, hard in rows:
        if value > hard:
            complaints.append(f"{value:,.0f} {unit}: this program sends at most {hard:,.0f}")
        elif value > limit:
            complaints.append(f"{value:,.0f} {unit}, above the limit of {limit:,.0f}: raise it with --max-{name}")
    if demand.cost is not None and demand.cost > limits.cost:
        complaints.append(
            f"about {demand.cost:.2f} for the endpoint's instances during the run, above the limit of "
            f"{limits.cost:.2f}: raise it with --max-cost"
        )
    if complaints:
        raise LoadTestError("the run would take too much:\n" + "\n".join(f"- {line}" for line in complaints))
