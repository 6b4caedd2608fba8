"""An invocation trace: when which model was called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN_BYTES = -1

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Trace:
    """Invocations in the order in which they arrived, as columns of equal length.

    Attributes:
        names: the models, each once, in the order of their first invocation.
        seconds: arrival times, ascending, the first at 0.
        models: for each invocation the index of its model in `names`.
        request_bytes: sizes of the bodies, UNKNOWN_BYTES where one is not known; None if none is.
        service_seconds: how long the container worked on each when warm, without queue and load; NaN where that is
            not known; None if it never is.
    """

    names: tuple[str, ...]
    seconds: Floats
    models: Indices
    request_bytes: Integers | None = None
    service_seconds: Floats | None = None

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def span_seconds(self) -> float:
        """From the first arrival to the last, and one mean gap more; 0 for fewer than two invocations."""
        if len(self) < 2:
            return 0.0
        return float(self.seconds[-1]) * len(self) / (len(self) - 1)

    @property
    def rate(self) -> float:
        """Mean invocations a second; 0 where the span is 0."""
        span = self.span_seconds
        return len(self) / span if span > 0 else 0.0

    def counts(self) -> Integers:
        """Invocations of each model."""
        return np.bincount(self.models, minlength=len(self.names)).astype(np.int64)

    def select(self, keep: NDArray[np.bool_]) -> "Trace":
        """The invocations where `keep` is true, at their own times, with the same `names`."""
        return Trace(
            self.names,
            self.seconds[keep],
            self.models[keep],
            None if self.request_bytes is None else self.request_bytes[keep],
            None if self.service_seconds is None else self.service_seconds[keep],
        )

    def faster(self, factor: float) -> "Trace":
        """The same invocations with all times divided by `factor` (above 0): `factor` times the rate."""
        return Trace(self.names, self.seconds / factor, self.models, self.request_bytes, self.service_seconds)


def make_trace(
    seconds: Sequence[float] | Floats,
    models: Iterable[str],
    request_bytes: Sequence[int] | Integers | None = None,
    service_seconds: Sequence[float] | Floats | None = None,
) -> Trace:
    """A trace of invocations in any order: they are sorted by time (stable), and the first time becomes 0.

    Args:
        seconds: finite times from any origin.
        models: the name of each invocation's model.
        request_bytes: negative where a size is not known.
        service_seconds: NaN where a time is not known.
    """
    times = np.asarray(seconds, dtype=np.float64)
    order = np.argsort(times, kind="stable")
    listed = list(models)
    index: dict[str, int] = {}
    indices = np.fromiter((index.setdefault(listed[i], len(index)) for i in order.tolist()), np.int32, len(order))
    sizes = None if request_bytes is None else np.asarray(request_bytes, dtype=np.int64)[order]
    services = None if service_seconds is None else np.asarray(service_seconds, dtype=np.float64)[order]
    if sizes is not None and not (sizes >= 0).any():
        sizes = None
    if services is not None and np.isnan(services).all():
        services = None
    times = times[order]
    return Trace(tuple(index), times - times[0] if len(times) else times, indices, sizes, services)
