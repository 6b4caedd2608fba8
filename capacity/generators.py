"""Traces that are made up: models by Zipf's law, arrivals that follow the day, new models every week.

Zipf's law for what is asked for: L. Breslau and others, Web Caching and Zipf-like Distributions, INFOCOM 1999, with
exponents of 0.64 to 0.83. Arrivals are a Poisson process whose rate follows a sine of one day.
"""

import math
from dataclasses import dataclass

import numpy as np

from capacity.errors import CapacityError
from capacity.trace import Floats, Indices, Trace

DAY_SECONDS = 86_400.0
WEEK_SECONDS = 7 * DAY_SECONDS
MAX_INVOCATIONS = 20_000_000
_STEPS_PER_DAY = 1440


@dataclass(frozen=True)
class Workload:
    """What to make up.

    Attributes:
        models: how many there are at the start, 1 or more.
        rate: mean invocations a second, above 0.
        seconds: how long, above 0.
        exponent: of Zipf's law: 0 calls all models alike, 1 the second half as often as the first.
        day_swing: how far the rate moves from its mean during a day, 0 (not at all) to 1 (to nothing, and to
            twice the mean). The trace begins at the lowest point.
        new_models_per_week: models that come during the trace, at even intervals, with any rank.
        service_variation: coefficient of variation of the service times of one model, which have a gamma distribution;
            0: constant, 1: exponential. Times need `service_seconds`.
        service_seconds: mean work of a warm invocation; None leaves it to the models' profiles.
        seed: the same seed and settings give the same trace.
    """

    models: int
    rate: float
    seconds: float
    exponent: float = 0.9
    day_swing: float = 0.0
    new_models_per_week: float = 0.0
    service_variation: float = 0.0
    service_seconds: float | None = None
    seed: int = 1


def generate(workload: Workload, names: tuple[str, ...] = ()) -> Trace:
    """A trace of `workload`.

    Args:
        names: the models' names, in any order; those beyond them are called model-00001 and so on.

    Raises:
        CapacityError: values are out of range, or it would be too long; holds every complaint.
    """
    _check(workload)
    random = np.random.default_rng(workload.seed)
    count = int(random.poisson(workload.rate * workload.seconds))
    if count == 0:
        raise CapacityError(f"{workload.rate:g} invocations a second for {workload.seconds:g} s gave none; raise one.")
    seconds = _arrivals(workload, count, random)
    births = _births(workload, random)
    models = _models(workload, seconds, births, random)
    services = None
    if workload.service_seconds is not None and workload.service_variation > 0:
        shape = 1 / workload.service_variation**2
        services = random.gamma(shape, workload.service_seconds / shape, count)
    elif workload.service_seconds is not None:
        services = np.full(count, workload.service_seconds)
    named = tuple(names[i] if i < len(names) else f"model-{i + 1:05}" for i in range(len(births)))
    return Trace(named, seconds, models, None, services)


def zipf_shares(models: int, exponent: float) -> Floats:
    """The share of the invocations that the model of each rank gets."""
    weights = np.arange(1, models + 1, dtype=np.float64) ** -exponent
    return weights / weights.sum()


def _check(workload: Workload) -> None:
    rules = (
        (workload.models >= 1, "models must be 1 or more"),
        (0 < workload.rate < math.inf, "rate must be above 0"),
        (0 < workload.seconds < math.inf, "the time must be above 0"),
        (0 <= workload.exponent <= 5, "the exponent must be from 0 to 5"),
        (0 <= workload.day_swing <= 1, "the swing of the day must be from 0 to 1"),
        (0 <= workload.new_models_per_week < math.inf, "new models a week must be 0 or more"),
        (0 <= workload.service_variation <= 10, "the variation of service times must be from 0 to 10"),
    )
    complaints = [f"Generated trace: {message}." for is_kept, message in rules if not is_kept]
    if not complaints and workload.rate * workload.seconds > MAX_INVOCATIONS:
        complaints.append(
            f"Generated trace: {workload.rate * workload.seconds:,.0f} invocations are more than {MAX_INVOCATIONS:,}; "
            "take a shorter time."
        )
    if complaints:
        raise CapacityError(complaints)


def _arrivals(workload: Workload, count: int, random: np.random.Generator) -> Floats:
    """Times of a Poisson process with that many arrivals: independent, and spread as the rate is."""
    if workload.day_swing == 0:
        return np.sort(random.random(count)) * workload.seconds
    steps = max(2, int(workload.seconds / DAY_SECONDS * _STEPS_PER_DAY) + 2)
    grid = np.linspace(0, workload.seconds, steps)
    angle = 2 * math.pi / DAY_SECONDS
    # The integral of 1 - swing * cos(angle * t): the lowest point is at 0.
    expected = grid - workload.day_swing * np.sin(angle * grid) / angle
    return np.interp(np.sort(random.random(count)) * expected[-1], expected, grid)


def _births(workload: Workload, random: np.random.Generator) -> Floats:
    """When each model comes, by rank."""
    new = int(workload.new_models_per_week * workload.seconds / WEEK_SECONDS)
    births = np.zeros(workload.models + new)
    births[random.choice(len(births), new, replace=False)] = (np.arange(new) + 1) * workload.seconds / (new + 1)
    return births


def _models(workload: Workload, seconds: Floats, births: Floats, random: np.random.Generator) -> Indices:
    """The rank of each invocation's model. One that has not come yet is drawn again."""
    bounds = np.cumsum(zipf_shares(len(births), workload.exponent))
    bounds[-1] = 1.0
    models = np.searchsorted(bounds, random.random(len(seconds)), side="right").astype(np.int32)
    early = np.flatnonzero(births[models] > seconds)
    while len(early):
        models[early] = np.searchsorted(bounds, random.random(len(early)), side="right")
        early = early[births[models[early]] > seconds[early]]
    return models
