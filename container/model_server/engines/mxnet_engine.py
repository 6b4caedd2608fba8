"""MXNet checkpoints. One executor a model; all executors of a worker share their activation memory.

A worker runs one model at a time, so activations of different models never live at once: each new executor is bound
with the worker's largest one as `shared_exec` and takes its buffers from there.
"""

import numpy as np

from ..artifact import Artifact, check_json
from ..errors import InvalidArtifact, PredictionFailed
from ..signature import TensorSpec
from .base import Arrays


class MxnetModel:
    """A bound checkpoint."""

    def __init__(self, executor, inputs: tuple[TensorSpec, ...], output_names: list[str]) -> None:
        self._executor = executor
        self._inputs = inputs
        self._output_names = output_names

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._inputs

    def predict(self, arrays: Arrays) -> Arrays:
        count = len(next(iter(arrays.values())))
        batch = self._inputs[0].batch
        parts = [
            self._run({name: array[start : start + batch] for name, array in arrays.items()})
            for start in range(0, count, batch)
        ]
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._output_names}

    def _run(self, arrays: Arrays) -> Arrays:
        batch = self._inputs[0].batch
        count = len(next(iter(arrays.values())))
        if count < batch:
            arrays = {
                name: np.concatenate([array, np.zeros((batch - count, *array.shape[1:]), array.dtype)])
                for name, array in arrays.items()
            }
        try:
            outputs = [output.asnumpy() for output in self._executor.forward(is_train=False, **arrays)]
        except Exception as error:  # mxnet raises its own class for some failures and bare ones for others
            raise PredictionFailed(f"MXNet could not run the model: {reason(error)}") from error
        return {
            name: output[:count] if output.ndim and len(output) == batch else output
            for name, output in zip(self._output_names, outputs, strict=True)
        }

    def close(self) -> None:
        self._executor = None


class MxnetEngine:
    """Loads checkpoints into this process."""

    def __init__(self) -> None:
        import mxnet  # noqa: PLC0415 - takes seconds; only worker processes pay for it

        self._mxnet = mxnet

    def load(self, artifact: Artifact) -> MxnetModel:
        """Bind the checkpoint. Raises InvalidArtifact with the reason."""
        mx = self._mxnet
        graph, parameters = artifact.graph, artifact.parameters
        if graph is None or parameters is None:
            raise InvalidArtifact("the artifact holds no MXNet checkpoint")
        check_json(graph)
        shapes = {spec.name: spec.shape for spec in artifact.inputs}
        try:
            symbol = mx.sym.load(str(graph))
            saved = mx.nd.load(str(parameters))
            if not isinstance(saved, dict):
                raise InvalidArtifact(f"{parameters.name} holds unnamed arrays")
            given = {
                kind: {name[4:]: value for name, value in saved.items() if name.startswith(kind)}
                for kind in ("arg:", "aux:")
            }
            arguments, auxiliary = given["arg:"], given["aux:"]
            self._check(symbol, artifact, arguments, auxiliary)
            for spec in artifact.inputs:
                arguments[spec.name] = mx.nd.zeros(spec.shape, dtype=spec.dtype)
            # An output layer of a network saved for training (softmax's label) is an argument without a value.
            missing = [name for name in symbol.list_arguments() if name not in arguments]
            if missing:
                inferred = dict(zip(symbol.list_arguments(), symbol.infer_shape(**shapes)[0], strict=True))
                arguments |= {name: mx.nd.zeros(inferred[name]) for name in missing}
            executor = symbol.bind(mx.cpu(), arguments, grad_req="null", aux_states=auxiliary)
        except InvalidArtifact:
            raise
        except Exception as error:
            raise InvalidArtifact(f"MXNet could not load {graph.name}: {reason(error)}") from error
        return MxnetModel(executor, artifact.inputs, symbol.list_outputs())

    @staticmethod
    def _check(symbol, artifact: Artifact, arguments: dict, auxiliary: dict) -> None:
        names = symbol.list_arguments()
        inputs = {spec.name for spec in artifact.inputs}
        unknown = sorted(inputs - set(names))
        if unknown:
            raise InvalidArtifact(f"the shapes name {', '.join(unknown)}, which the network does not take")
        absent = [n for n in names if n not in arguments and n not in inputs and not n.endswith("label")]
        absent += [n for n in symbol.list_auxiliary_states() if n not in auxiliary]
        if absent:
            raise InvalidArtifact(f"the network needs parameters that the checkpoint lacks: {', '.join(absent[:5])}")
        if len({spec.batch for spec in artifact.inputs}) != 1:
            raise InvalidArtifact("all inputs must have the same batch size, the first dimension of their shapes")


def reason(error: BaseException) -> str:
    """The last line of an engine's message that says something: MXNet and ONNX Runtime put a C++ trace before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
