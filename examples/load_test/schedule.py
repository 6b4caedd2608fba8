"""When which model is called: decided before the run, whatever the endpoint answers (an open loop).

Callers of an endpoint do not wait for each other. A test that sends its next request after the last answer would send
fewer requests while the endpoint is slow, and would not see the waiting time that callers see (coordinated omission).
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the seconds after the start at which it is due, and the model's name."""

    due: float
    model: str


def zipf(models: Sequence[str], exponent: float, random_: random.Random) -> Callable[[], str]:
    """A draw of models where the model of rank r is drawn in proportion to r to the power of -`exponent`.

    0 draws all models equally often; about 1 is usual for requests to web servers.
    https://doi.org/10.1109/INFCOM.1999.749260
    """
    totals = list(accumulate(rank**-exponent for rank in range(1, len(models) + 1)))
    return lambda: models[min(bisect(totals, random_.random() * totals[-1]), len(models) - 1)]


def poisson(rate: float, seconds: float, draw: Callable[[], str], random_: random.Random) -> Iterator[Call]:
    """Arrivals of many callers who know nothing of each other: `rate` a second on average, for `seconds`."""
    due = random_.expovariate(rate)
    while due < seconds:
        yield Call(due, draw())
        due += random_.expovariate(rate)


def uniform(rate: float, seconds: float, draw: Callable[[], str]) -> Iterator[Call]:
    """One call each 1/`rate` seconds."""
    for number in range(int(rate * seconds)):
        yield Call(number / rate, draw())
