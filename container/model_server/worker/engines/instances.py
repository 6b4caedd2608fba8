"""Any number of instances on networks that take a batch of one size, or of any; made-up instances to try them with."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...artifact.signature import TensorSpec
from ...errors import InvalidInput, PredictionFailed
from ..formats.tensors import Arrays


class Network(Protocol):
    """What a model is to its `InstanceRunner`."""

    def run_once(self, arrays: Arrays) -> Arrays:
        """Run arrays of the shapes that the network is bound for. Raises PredictionFailed."""
        ...

    def followers(self) -> dict[str, bool]:
        """Of each output, whether its first dimension is the instances."""
        ...


class InstanceRunner:
    """Runs any number of instances on a network that takes a batch of one size, or of any."""

    def __init__(self, inputs: tuple[TensorSpec, ...], takes_any_number: bool) -> None:
        self._inputs = inputs
        self.takes_any_number = takes_any_number
        self._followers: dict[str, bool] | None = None
        self._whole = tuple(spec.name for spec in inputs if not spec.batched)
        self.batch = next((spec.batch for spec in inputs if spec.batched), 1)

    def run(self, network: Network, arrays: Arrays) -> Arrays:
        """Raises as `LoadedModel.predict` does."""
        count = len(next(iter(arrays.values())))
        if not self._whole and count == (1 if self.takes_any_number else self.batch):
            return network.run_once(arrays)
        if self._whole and count == 1:
            return network.run_once(self._part(arrays, 0, 1))
        self._check_outputs_follow(network, count)
        if self.takes_any_number:
            outputs = network.run_once(arrays)
            _check_counts(outputs, count)
            return outputs
        parts = []
        for start in range(0, count, self.batch):
            size = min(self.batch, count - start)
            outputs = network.run_once(self._part(arrays, start, size))
            _check_counts(outputs, self.batch)
            parts.append({name: output[:size] for name, output in outputs.items()})
        return _joined(parts)

    def _part(self, arrays: Arrays, start: int, size: int) -> Arrays:
        """Instances of one run, filled up to the network's batch with the first of them."""
        part = {name: array[start : start + size] for name, array in arrays.items()}
        for name in self._whole:
            part[name] = part[name][0, ...]
        missing = self.batch - size
        if missing:
            for name, array in part.items():
                part[name] = np.concatenate([array, np.repeat(array[:1], missing, axis=0)])
        return part

    def _check_outputs_follow(self, network: Network, count: int) -> None:
        if self._followers is None:  # found out when it first matters: it may take runs of the network
            self._followers = network.followers()
            if self.batch > 1 and not self.takes_any_number:
                apart = _independent(network, self._inputs)
                self._followers = {name: follows and name in apart for name, follows in self._followers.items()}
        lonely = [name for name, follows in self._followers.items() if not follows]
        if lonely:
            number = "one instance" if self.batch == 1 else f"{self.batch} instances"
            raise InvalidInput(
                f"output {lonely[0]!r} of this model does not have one entry an instance: send {number} a request, "
                f"not {count}"
            )


def _independent(network: Network, inputs: tuple[TensorSpec, ...]) -> set[str]:
    """The outputs whose first entry stays the same when the other instances of a batch change."""
    arrays, others = sample_arrays(inputs), sample_arrays(inputs, value=1)
    for name, array in others.items():
        array[0] = arrays[name][0]
    try:
        first, second = network.run_once(arrays), network.run_once(others)
    except PredictionFailed:
        return set()
    return {
        name
        for name, output in first.items()
        if output.ndim and output.shape == second[name].shape and _same(output[:1], second[name][:1])
    }


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype.kind == "f":
        return np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True)
    return bool((one == other).all())


def _check_counts(outputs: Arrays, count: int) -> None:
    for name, output in outputs.items():
        if output.ndim == 0 or len(output) != count:
            raise InvalidInput(
                f"output {name!r} has the shape {list(output.shape)} for {count} instances, which does not say what "
                "belongs to which: send one instance a request"
            )


def _joined(parts: list[Arrays]) -> Arrays:
    if len(parts) == 1:
        return parts[0]
    for name, output in parts[0].items():
        for part in parts:
            if part[name].shape[1:] != output.shape[1:]:
                raise InvalidInput(
                    f"output {name!r} has another size for each instance ({list(output.shape[1:])} and "
                    f"{list(part[name].shape[1:])}): send one instance a request"
                )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sample_arrays(inputs: tuple[TensorSpec, ...], count: int | None = None, value: int = 0) -> Arrays:
    """Made-up instances: zeros, or another number; text that can be read as that number.

    Args:
        inputs: of the model.
        count: how many; as many as the network takes at once if None.
        value: the number, one that every type can hold.
    """
    batch = count or next((spec.batch for spec in inputs if spec.batched), 1)
    return {
        spec.name: np.full((batch, *spec.item_shape), str(value), object)
        if spec.dtype == "str"
        else np.full((batch, *spec.item_shape), value, spec.dtype)
        for spec in inputs
    }
