"""What each model of a trace takes: the columns that a simulation works with."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from capacity.trace import Floats, Integers, Trace


@dataclass(frozen=True)
class ModelProfile:
    """One model.

    Attributes:
        artifact_bytes: size of the packed artifact, which an instance downloads.
        memory_bytes: what the container holds while the model is loaded.
        load_seconds: loading the downloaded artifact, first inference included.
        service_seconds: one warm invocation on a free core.
    """

    artifact_bytes: int
    memory_bytes: int
    load_seconds: float
    service_seconds: float


@dataclass(frozen=True, eq=False)
class Profiles:
    """The profiles of a trace's models, in the order of its names, and what of them is assumed.

    Attributes:
        assumptions: one sentence for each figure that was not measured.
    """

    artifact_bytes: Integers
    memory_bytes: Integers
    load_seconds: Floats
    service_seconds: Floats
    assumptions: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.memory_bytes)

    @property
    def total_memory_bytes(self) -> int:
        """All models loaded once."""
        return int(self.memory_bytes.sum())


def make_profiles(profiles: Iterable[ModelProfile], assumptions: Iterable[str] = ()) -> Profiles:
    listed = list(profiles)
    return Profiles(
        np.array([profile.artifact_bytes for profile in listed], dtype=np.int64),
        np.array([profile.memory_bytes for profile in listed], dtype=np.int64),
        np.array([profile.load_seconds for profile in listed], dtype=np.float64),
        np.array([profile.service_seconds for profile in listed], dtype=np.float64),
        tuple(assumptions),
    )


def service_times(trace: Trace, profiles: Profiles) -> Floats:
    """Seconds of work of each invocation: the trace's own, else its model's."""
    usual = profiles.service_seconds[trace.models]
    if trace.service_seconds is None:
        return usual
    return np.where(np.isnan(trace.service_seconds), usual, trace.service_seconds)


def with_variation(trace: Trace, profiles: Profiles, variation: float, seed: int) -> Trace:
    """The trace with service times of its own. Those that it lacks get a gamma distribution around their model's.

    Args:
        variation: coefficient of variation: 0 constant, 1 exponential.
    """
    usual = profiles.service_seconds[trace.models]
    if variation > 0:
        shape = 1 / variation**2
        usual = usual * np.random.default_rng(seed).gamma(shape, 1 / shape, len(trace))
    own = trace.service_seconds
    return replace(trace, service_seconds=usual if own is None else np.where(np.isnan(own), usual, own))
