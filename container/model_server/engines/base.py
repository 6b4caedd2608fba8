"""What every engine offers: a loaded model that turns arrays into arrays."""

from typing import Protocol

import numpy as np

from ..signature import TensorSpec

Arrays = dict[str, np.ndarray]


class LoadedModel(Protocol):
    """A model in memory. Used by one thread at a time."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The model's inputs, in order."""
        ...

    def predict(self, arrays: Arrays) -> Arrays:
        """Run N instances, arrays of shape `(N, *item_shape)`; returns one array of shape `(N, ...)` an output.

        Raises PredictionFailed with the engine's own reason.
        """
        ...

    def close(self) -> None:
        """Give all memory back. The model is not used after."""
        ...
