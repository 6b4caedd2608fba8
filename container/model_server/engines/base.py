"""What every engine offers: a loaded model that turns arrays into arrays."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from ..signature import TensorSpec

Arrays = dict[str, np.ndarray]


class Answer(NamedTuple):
    """An answer's body with its type, and where the time went, in seconds."""

    body: bytes
    content_type: str
    decode_seconds: float
    engine_seconds: float
    encode_seconds: float


class LoadedModel(Protocol):
    """A model in memory. Used by one thread at a time."""

    inputs: tuple[TensorSpec, ...]

    def predict(self, arrays: Arrays) -> Arrays:
        """Run N instances, arrays of shape `(N, *item_shape)`; returns one array of shape `(N, ...)` an output.

        Raises PredictionFailed with the engine's own reason.
        """
        ...

    def settle(self) -> None:
        """Called once after the first run: let go of what was only needed until then."""
        ...

    def close(self) -> None:
        """Give all memory back. The model is not used after."""
        ...


def in_batches(run: Callable[[Arrays], Arrays], arrays: Arrays, batch: int) -> Arrays:
    """Run N instances in batches of the size a network is bound for; the last one is filled up with zeros."""
    count = len(next(iter(arrays.values())))
    parts: list[Arrays] = []
    for start in range(0, count, batch):
        part = {name: array[start : start + batch] for name, array in arrays.items()}
        size = min(batch, count - start)
        if size < batch:
            part = {
                name: np.concatenate([array, np.zeros((batch - size, *array.shape[1:]), array.dtype)])
                for name, array in part.items()
            }
        parts.append({name: output[:size] for name, output in run(part).items()})
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def reason(error: BaseException) -> str:
    """The last line of an engine's message: MXNet and ONNX Runtime put a C++ trace before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
