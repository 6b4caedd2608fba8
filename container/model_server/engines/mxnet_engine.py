"""MXNet checkpoints. One executor a model; the executors of a worker share their activation memory.

A worker runs one model at a time, so activations of different models never live at once: a new executor is bound
with a loaded one as `shared_exec` and takes its buffers from there. Weights are mapped from the file; what MXNet keeps
in private memory is its reordered copy of them.
"""

import hashlib
import re
import weakref
from pathlib import Path

from ..artifact import Artifact, check_json
from ..errors import InvalidArtifact, PredictionFailed
from ..signature import TensorSpec
from .base import Arrays, in_batches, reason
from .mxnet_params import MappedParameters, UnknownParametersFormat

_ALLOCATED = re.compile(r"Total (\d+) MB allocated")


class MxnetModel:
    """A bound checkpoint."""

    def __init__(self, executor, symbol, inputs: tuple[TensorSpec, ...], parameters: MappedParameters | None) -> None:
        self.executor = executor
        self.symbol = symbol
        self.inputs = inputs
        self._output_names = symbol.list_outputs()
        self._parameters = parameters

    def predict(self, arrays: Arrays) -> Arrays:
        return in_batches(self._run, arrays, self.inputs[0].batch)

    def _run(self, arrays: Arrays) -> Arrays:
        try:
            outputs = self.executor.forward(is_train=False, **arrays)
            return {name: output.asnumpy() for name, output in zip(self._output_names, outputs, strict=True)}
        except Exception as error:
            raise PredictionFailed(f"MXNet could not run the model: {reason(error)}") from error

    def settle(self) -> None:
        """After the first run: the engine has arranged the weights for itself, the file's pages can go."""
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

    def load(self, artifact: Artifact) -> MxnetModel:
        """Bind the checkpoint. Raises InvalidArtifact with the reason."""
        graph, file = artifact.graph, artifact.parameters
        if graph is None or file is None:
            raise InvalidArtifact("the artifact holds no MXNet checkpoint")
        fingerprint = hashlib.sha256(graph.read_bytes() + repr(artifact.inputs).encode()).hexdigest()
        mx = self._mxnet
        try:
            symbol = self._symbol(graph, fingerprint)
            saved, mapped = self._read(file)
            arguments, auxiliary = (
                {name[4:]: value for name, value in saved.items() if name.startswith(kind)} for kind in ("arg:", "aux:")
            )
            self._complete(symbol, artifact, arguments, auxiliary)
            pool = self._pool(fingerprint)
            executor = symbol.bind(mx.cpu(), arguments, grad_req="null", aux_states=auxiliary, shared_exec=pool)
        except InvalidArtifact:
            raise
        except Exception as error:
            raise InvalidArtifact(f"MXNet could not load {graph.name}: {reason(error)}") from error
        model = MxnetModel(executor, symbol, artifact.inputs, mapped)
        if fingerprint not in self._pool_mb:
            allocated = _ALLOCATED.search(executor.debug_str())
            self._pool_mb[fingerprint] = int(allocated[1]) if allocated else 0
        self._loaded.setdefault(fingerprint, weakref.WeakSet()).add(model)
        return model

    def _symbol(self, graph: Path, fingerprint: str):
        """The graph: that of a loaded model where one has the same, since reading it takes a fifth of a load."""
        same = next(iter(self._loaded.get(fingerprint, ())), None)
        if same is not None:
            return same.symbol
        check_json(graph)
        return self._mxnet.sym.load(str(graph))

    def _read(self, file: Path) -> tuple[dict, MappedParameters | None]:
        mx = self._mxnet
        try:
            mapped = MappedParameters(file)
        except UnknownParametersFormat:
            saved = mx.nd.load(str(file))
            if not isinstance(saved, dict):
                raise InvalidArtifact(f"{file.name} holds arrays without names") from None
            return saved, None
        return {name: mx.nd.from_numpy(array, zero_copy=True) for name, array in mapped.arrays.items()}, mapped

    def _pool(self, fingerprint: str):
        """The executor to share activation memory with: one of the same graph, else the one that has most."""
        self._loaded = {key: models for key, models in self._loaded.items() if models}
        best = max(self._loaded, key=lambda key: (key == fingerprint, self._pool_mb[key]), default=None)
        return None if best is None else next(iter(self._loaded[best])).executor

    def _complete(self, symbol, artifact: Artifact, arguments: dict, auxiliary: dict) -> None:
        """Check names, and add arrays for the inputs and for the labels a network saved for training still has."""
        names = symbol.list_arguments()
        inputs = {spec.name for spec in artifact.inputs}
        unknown = sorted(inputs - set(names))
        if unknown:
            raise InvalidArtifact(f"the shapes name {', '.join(unknown)}, which the network does not take")
        if len({spec.batch for spec in artifact.inputs}) != 1:
            raise InvalidArtifact("all inputs must have the same batch size, the first dimension of their shapes")
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
