"""How much each measure does: a full run of about 20 minutes, or a smoke run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Sizes of a run.

    Attributes:
        baseline_models: SqueezeNets that multi-model-server loads in the cold and memory measure.
        again_models: SqueezeNets that are loaded, unloaded and loaded again.
        most_models: where loading into the project's server stops, if its memory has not reached the baseline's before.
        rounds: how often each server gets its turn in the throughput measure.
        round_seconds: length of such a turn.
        sweep_seconds: length of each point of the sweeps over clients and workers.
        sweep_clients: numbers of clients of the sweep.
        sweep_workers: numbers of workers of the sweep.
        alone_seconds: length of each turn of the one-client measure.
        rival_models: SqueezeNets that Triton and MLServer load, and the servers beside them.
        rival_rounds: turns of each server in the throughput measure beside them.
        neighbour_seconds: length of a turn of the noisy neighbours' measure, at most 5.
        neighbour_rounds: turns of each situation there.
        kill_models: models on the two workers of which one is killed.
        zipf_models: models of the cache measure.
        zipf_capacity: how many of them the server's memory is set for.
        zipf_requests: length of the trace.
        zipf_exponent: steepness of the models' popularity.
    """

    baseline_models: int = 12
    again_models: int = 12
    most_models: int = 300
    rounds: int = 4
    round_seconds: float = 6.0
    sweep_seconds: float = 3.0
    sweep_clients: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    sweep_workers: tuple[int, ...] = (1, 2, 4)
    alone_seconds: float = 4.0
    rival_models: int = 10
    rival_rounds: int = 2
    neighbour_seconds: float = 5.0
    neighbour_rounds: int = 3
    kill_models: int = 300
    zipf_models: int = 1000
    zipf_capacity: int = 300
    zipf_requests: int = 6000
    zipf_exponent: float = 0.9


FULL = Plan()
QUICK = Plan(
    baseline_models=4,
    again_models=4,
    most_models=30,
    rounds=1,
    round_seconds=2.0,
    sweep_seconds=1.0,
    sweep_clients=(1, 8),
    sweep_workers=(1, 2),
    alone_seconds=1.0,
    rival_models=4,
    rival_rounds=1,
    neighbour_seconds=2.0,
    neighbour_rounds=1,
    kill_models=40,
    zipf_models=60,
    zipf_capacity=20,
    zipf_requests=300,
)
