"""The trace of requests to a thousand models, and what an ideal cache would make of it."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np


def zipf_trace(models: int, requests: int, exponent: float, seed: int) -> list[int]:
    """`requests` model numbers in 0..models-1, drawn independently: rank r in proportion to r ** -exponent.

    Ranks are dealt to the numbers at random, so that a model's number says nothing about its popularity. The same
    arguments give the same trace.
    """
    random = np.random.RandomState(seed)
    weights = np.arange(1, models + 1, dtype=np.float64) ** -exponent
    ranks = random.choice(models, size=requests, p=weights / weights.sum())
    return random.permutation(models)[ranks].tolist()


def ideal_lru_hits(trace: Sequence[int], capacity: int) -> list[bool]:
    """For each request, whether a least-recently-used cache of `capacity` models would hold its model."""
    cache: OrderedDict[int, None] = OrderedDict()
    hits = []
    for model in trace:
        hits.append(model in cache)
        cache[model] = None
        cache.move_to_end(model)
        if len(cache) > capacity:
            cache.popitem(last=False)
    return hits
