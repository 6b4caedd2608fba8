"""MXNet checkpoints. One executor a model; the executors of a worker share their activation memory.

A worker runs one model at a time, so activations of different models never live at once: a new executor is bound
with a loaded one as `shared_exec` and takes its buffers from there. Weights are mapped from the file; what MXNet keeps
in private memory is its reordered copy of them.
"""

import hashlib
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...artifact.contents import Artifact, check_json
from ...artifact.signature import TensorSpec, share_batch
from ...errors import InvalidArtifact, PredictionFailed
from ..formats.tensors import Arrays
from .base import Origin
from .instances import InstanceRunner
from .mxnet_params import MappedParameters, UnknownParametersFormat, by_role
from .reasons import reason

_DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64")
_ALLOCATED = re.compile(r"Total (\d+) MB allocated")


class MxnetModel:
    """A bound checkpoint."""

    origin = Origin.FILE

    def __init__(
        self,
        executor: Any,
        symbol: Any,
        inputs: tuple[TensorSpec, ...],
        parameters: MappedParameters | None,
        *,
        has_run: Callable[[], bool],
        note_run: Callable[[], None],
    ) -> None:
        """`has_run`: whether a model of the same network has run in this process; `note_run` is called when this one
        has."""
        self.executor = executor
        self.symbol = symbol
        self.inputs = inputs
        names = symbol.list_outputs()
        self.outputs = tuple(
            (name, np.dtype(array.dtype).name) for name, array in zip(names, executor.outputs, strict=True)
        )
        self._parameters = parameters
        self._has_run = has_run
        self._note_run = note_run
        self._instances = InstanceRunner(inputs, takes_any_number=False)

    def predict(self, arrays: Arrays) -> Arrays:
        return self._instances.run(self, arrays)

    def run_once(self, arrays: Arrays) -> Arrays:
        try:
            outputs = self.executor.forward(is_train=False, **arrays)
            return {name: output.asnumpy() for (name, _), output in zip(self.outputs, outputs, strict=True)}
        except Exception as error:
            raise PredictionFailed(f"MXNet could not run the model: {reason(error)}") from error

    def followers(self) -> dict[str, bool]:
        """Which outputs have the instances as their first dimension: that grows with the batch."""
        shapes = {spec.name: spec.shape for spec in self.inputs}
        grown = {
            spec.name: (spec.shape[0] + 1, *spec.shape[1:]) if spec.batched else spec.shape for spec in self.inputs
        }
        names = [name for name, _ in self.outputs]
        outputs = self.symbol.infer_shape(**shapes)[1]
        batch = self._instances.batch
        try:
            larger = self.symbol.infer_shape(**grown)[1]
        except Exception:  # noqa: BLE001 - MXNet's own error: a network that takes this batch only
            larger = [(batch + 1,) for _ in names]
        return {
            name: shape[0] == batch and other[0] == batch + 1
            for name, shape, other in zip(names, outputs, larger, strict=True)
        }

    def foreseen(self) -> Arrays | None:
        """The shapes are known since the executor was bound: that a network of this graph, these inputs and parameters
        of these shapes can be run, another model has shown."""
        if not self._has_run():
            return None
        arrays = zip(self.outputs, self.executor.outputs, strict=True)
        return {name: np.zeros(array.shape, dtype) for (name, dtype), array in arrays}

    def settle(self) -> None:
        """After the first run: the engine has arranged the weights for itself, the file's pages can go."""
        self._note_run()
        if self._parameters is not None:
            self._parameters.release_pages()
            self._parameters = None

    def close(self) -> None:
        self.executor = None


class MxnetEngine:
    """Loads checkpoints into this process."""

    def __init__(self) -> None:
        import mxnet  # noqa: PLC0415 - takes seconds; only worker processes pay for it

        self._mxnet = mxnet
        # Loaded models by the fingerprint of their graph, and what executors of such a graph allocate.
        self._loaded: dict[str, weakref.WeakSet[MxnetModel]] = {}
        self._pool_mb: dict[str, int] = {}
        # Networks that were run: the fingerprint of the graph, and of its parameters' shapes and types.
        self._ran: set[tuple[str, str]] = set()

    def load(self, artifact: Artifact) -> MxnetModel:
        """Bind the checkpoint. Raises InvalidArtifact with the reason."""
        graph, file = artifact.graph, artifact.parameters
        if graph is None or file is None:
            raise InvalidArtifact("the artifact holds no MXNet checkpoint")
        if not artifact.inputs:
            raise InvalidArtifact(f"{graph.name.removesuffix('symbol.json')}shapes.json is missing, the inputs' shapes")
        fingerprint = hashlib.sha256(graph.read_bytes() + repr(artifact.inputs).encode()).hexdigest()
        mx = self._mxnet
        try:
            symbol = self._symbol(graph, fingerprint)
            saved, mapped = self._read(file)
            arguments, auxiliary = by_role(saved, symbol, file.name)
            self._complete(symbol, artifact, arguments, auxiliary)
            pool = self._pool(fingerprint)
            executor = symbol.bind(mx.cpu(), arguments, grad_req="null", aux_states=auxiliary, shared_exec=pool)
        except InvalidArtifact:
            raise
        except Exception as error:
            raise InvalidArtifact(f"MXNet could not load {graph.name}: {reason(error)}") from error
        network = (fingerprint, _shapes_of(arguments | auxiliary))
        model = MxnetModel(
            executor,
            symbol,
            share_batch(artifact.inputs),
            mapped,
            has_run=lambda: network in self._ran,
            note_run=lambda: self._ran.add(network),
        )
        if fingerprint not in self._pool_mb:
            allocated = _ALLOCATED.search(executor.debug_str())
            self._pool_mb[fingerprint] = int(allocated[1]) if allocated else 0
        self._loaded.setdefault(fingerprint, weakref.WeakSet()).add(model)
        return model

    def _symbol(self, graph: Path, fingerprint: str) -> Any:
        """The graph: that of a loaded model where one has the same, since reading it takes a fifth of a load."""
        same = next(iter(self._loaded.get(fingerprint, ())), None)
        if same is not None:
            return same.symbol
        check_json(graph)
        return self._mxnet.sym.load(str(graph))

    def _read(self, file: Path) -> tuple[dict[str, Any], MappedParameters | None]:
        mx = self._mxnet
        try:
            mapped = MappedParameters(file)
        except UnknownParametersFormat:
            saved = mx.nd.load(str(file))
            if not isinstance(saved, dict):
                raise InvalidArtifact(f"{file.name} holds arrays without names") from None
            return saved, None
        return {name: mx.nd.from_numpy(array, zero_copy=True) for name, array in mapped.arrays.items()}, mapped

    def _pool(self, fingerprint: str) -> Any:
        """The executor to share activation memory with: one of the same graph, else the one that has most."""
        self._loaded = {key: models for key, models in self._loaded.items() if models}
        best = max(self._loaded, key=lambda key: (key == fingerprint, self._pool_mb[key]), default=None)
        return None if best is None else next(iter(self._loaded[best])).executor

    def _complete(self, symbol: Any, artifact: Artifact, arguments: dict[str, Any], auxiliary: dict[str, Any]) -> None:
        """Check names, and add arrays for the inputs and for the labels a network saved for training still has."""
        names = symbol.list_arguments()
        inputs = {spec.name for spec in artifact.inputs}
        unknown = sorted(inputs - set(names))
        if unknown:
            raise InvalidArtifact(f"the shapes name {', '.join(unknown)}, which the network does not take")
        unknown = [spec.name for spec in artifact.inputs if spec.dtype not in _DTYPES or not spec.shape]
        if unknown:
            raise InvalidArtifact(
                f"MXNet takes no input of the type and shape that the shapes give for {', '.join(unknown)}: "
                f"the types are {', '.join(_DTYPES)}, and a scalar has the shape [1]"
            )
        missing = [name for name in names if name not in arguments and name not in inputs]
        absent = [name for name in missing if not name.endswith("label")]
        absent += [name for name in symbol.list_auxiliary_states() if name not in auxiliary]
        if absent:
            raise InvalidArtifact(f"the network needs parameters that the checkpoint lacks: {', '.join(absent[:5])}")
        zeros = self._mxnet.nd.zeros
        arguments |= {spec.name: zeros(spec.shape, dtype=spec.dtype) for spec in artifact.inputs}
        if missing:
            shapes = dict(zip(names, symbol.infer_shape(**{s.name: s.shape for s in artifact.inputs})[0], strict=True))
            arguments |= {name: zeros(shapes[name]) for name in missing}


def _shapes_of(arrays: dict[str, Any]) -> str:
    described = sorted((name, array.shape, np.dtype(array.dtype).name) for name, array in arrays.items())
    return hashlib.sha256(repr(described).encode()).hexdigest()
