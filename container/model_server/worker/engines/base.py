"""What every engine offers: a loaded model that turns arrays into arrays."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from ...artifact.signature import TensorSpec
from ..formats.tensors import Arrays


class Origin(StrEnum):
    """What a model was loaded from."""

    FILE = "file"
    OPTIMISABLE_FILE = "optimisable file"
    """A file that may have an optimised form, and has none yet."""
    FORM = "form"
    """Its optimised form: weights are mapped, and shared with other processes."""


class Asked(NamedTuple):
    """What a request says besides its body. Texts are empty where it says nothing.

    `headers`: its header fields by lower-case name, for artifacts' own code only.
    """

    content_type: str
    accept: str
    request_id: str = ""
    headers: Mapping[str, str] = {}


class Encoded(NamedTuple):
    """An answer's body with its type, and where the time went, in seconds. `status` and `headers` are chosen by
    artifacts' own code only."""

    body: bytes
    content_type: str
    decode_seconds: float
    engine_seconds: float
    encode_seconds: float
    status: int = 200
    headers: Mapping[str, str] = {}


class LoadedModel(Protocol):
    """A model in memory. Used by one thread at a time."""

    inputs: tuple[TensorSpec, ...]
    origin: Origin

    def predict(self, arrays: Arrays) -> Arrays:
        """Run N instances, arrays of shape `(N, *item_shape)`; returns one array an output.

        For several instances each has the shape `(N, ...)`. For one instance it is what the network gives, which may
        have no batch as its first dimension, as in a list of detections.

        Raises PredictionFailed with the engine's own reason, InvalidInput for more instances than the network can tell
        apart in its outputs.
        """
        ...

    def foreseen(self) -> Arrays | None:
        """What a run of made-up instances gives, with zeros for its numbers, where a model of the very same network has
        run before; None where only a run can tell."""
        ...

    def settle(self) -> None:
        """Called once after the first run: let go of what was only needed until then."""
        ...

    def close(self) -> None:
        """Give all memory back. The model is not used after."""
        ...
