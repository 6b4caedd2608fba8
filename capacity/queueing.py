"""Waiting times of queues with k workers, from the literature: bounds and approximations for the simulation's results.

- A. K. Erlang, 1917 (M/M/k: the probability of waiting); see L. Kleinrock, Queueing Systems I, 1975, section 3.5.
- J. F. C. Kingman: The single server queue in heavy traffic. Proc. Cambridge Phil. Soc. 57(4), 1961 (G/G/1: an upper
  bound of the mean wait).
- A. M. Lee, P. A. Longton: Queueing processes associated with airline passenger check-in. Oper. Res. Quarterly 10(1),
  1959 (M/G/k: the wait of M/M/k, scaled by the variation of the service times).
- A. O. Allen: Probability, Statistics and Queueing Theory, 2nd edition, 1990, section 5.3 (Allen-Cunneen: G/G/k).

All times are in seconds, rates in requests a second; `load` is the offered load in workers: rate times mean service
time.
"""

import math


def erlang_c(workers: int, load: float) -> float:
    """The probability that a request of an M/M/k queue waits; 1 if `load` is not below `workers`."""
    if load >= workers:
        return 1.0
    # Erlang's B by its recursion, which stays within 0 and 1 for any number of workers.
    blocked = 1.0
    for count in range(1, workers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - load / workers * (1 - blocked))


def mmk_mean_wait(rate: float, service_seconds: float, workers: int) -> float:
    """The mean wait of an M/M/k queue; infinity if it is overloaded."""
    load = rate * service_seconds
    if load >= workers:
        return math.inf
    return erlang_c(workers, load) * service_seconds / (workers - load)


def mmk_wait_quantile(rate: float, service_seconds: float, workers: int, quantile: float) -> float:
    """The `quantile` (0 to below 1) of the wait of an M/M/k queue, first come, first served."""
    load = rate * service_seconds
    if load >= workers:
        return math.inf
    waits = erlang_c(workers, load)
    if waits <= 1 - quantile:
        return 0.0
    return math.log(waits / (1 - quantile)) * service_seconds / (workers - load)


def lee_longton_mean_wait(rate: float, service_seconds: float, service_variation: float, workers: int) -> float:
    """About the mean wait of an M/G/k queue; exact for k = 1 (Pollaczek-Khinchine).

    Args:
        service_variation: the squared coefficient of variation of the service times; 0 constant, 1 exponential.
    """
    return (1 + service_variation) / 2 * mmk_mean_wait(rate, service_seconds, workers)


def allen_cunneen_mean_wait(
    rate: float, service_seconds: float, arrival_variation: float, service_variation: float, workers: int
) -> float:
    """About the mean wait of a G/G/k queue. Variations are squared coefficients: 1 for Poisson arrivals."""
    return (arrival_variation + service_variation) / 2 * mmk_mean_wait(rate, service_seconds, workers)


def kingman_bound(rate: float, service_seconds: float, arrival_variance: float, service_variance: float) -> float:
    """An upper bound of the mean wait of a G/G/1 queue; infinity if it is overloaded.

    Args:
        arrival_variance: variance of the gaps between arrivals, in seconds squared.
        service_variance: variance of the service times, in seconds squared.
    """
    load = rate * service_seconds
    if load >= 1:
        return math.inf
    return rate * (arrival_variance + service_variance) / (2 * (1 - load))
