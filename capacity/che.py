"""Che's approximation: the hit ratio of an LRU cache under independent references, without a simulation.

An entry that is asked for as a Poisson process of rate r is in the cache if it was asked for within the last T seconds,
with one characteristic time T for all entries: sum(size * (1 - exp(-r T))) = capacity. Its hit ratio is 1 - exp(-r T).

- H. Che, Y. Tung, Z. Wang: Hierarchical Web Caching Systems. IEEE JSAC 20(7), 2002, pages 1305-1314.
- C. Fricker, P. Robert, J. Roberts: A Versatile and Accurate Approximation for LRU Cache Performance. ITC 24, 2012.
  It shows why the error is small, for sizes that differ as well.
"""

import numpy as np

from capacity.trace import Floats, Integers

_HALVINGS = 200


def characteristic_seconds(rates: Floats, sizes: Integers, capacity: float) -> float:
    """The time T that an entry stays after its last use.

    Args:
        rates: requests a second for each entry, 0 or more.
        sizes: bytes of each entry.
        capacity: bytes of the cache.

    Returns:
        Seconds; infinity if everything that is asked for fits.
    """
    asked = rates > 0
    rates, sizes = rates[asked], sizes[asked]
    if sizes.sum() <= capacity:
        return float("inf")
    low, high = 0.0, 1.0 / float(rates.max())
    while _filled(rates, sizes, high) < capacity:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _filled(rates, sizes, middle) < capacity:
            low = middle
        else:
            high = middle
    return high


def hit_ratio(rates: Floats, sizes: Integers, capacity: float) -> float:
    """The share of requests that find their entry in the cache, from 0 to 1; 1 for a cache that holds everything."""
    total = float(rates.sum())
    if total <= 0:
        return 1.0
    seconds = characteristic_seconds(rates, sizes, capacity)
    if np.isinf(seconds):
        return 1.0
    return float((rates * -np.expm1(-rates * seconds)).sum() / total)


def _filled(rates: Floats, sizes: Integers, seconds: float) -> float:
    return float((sizes * -np.expm1(-rates * seconds)).sum())
