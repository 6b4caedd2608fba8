"""ONNX models on ONNX Runtime, without its memory arena: an arena never gives memory back."""

from ..artifact import Artifact
from ..errors import InvalidArtifact, PredictionFailed
from ..signature import TensorSpec
from .base import Arrays, in_batches, reason

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
}


class OnnxModel:
    """A session with its inputs' shapes. `dynamic_batch`: whether it takes any number of instances at once."""

    def __init__(self, session, inputs: tuple[TensorSpec, ...], dynamic_batch: bool) -> None:
        self._session = session
        self.inputs = inputs
        self._dynamic_batch = dynamic_batch
        self._output_names = [output.name for output in session.get_outputs()]

    def predict(self, arrays: Arrays) -> Arrays:
        if self._dynamic_batch:
            return self._run(arrays)
        return in_batches(self._run, arrays, self.inputs[0].batch)

    def _run(self, arrays: Arrays) -> Arrays:
        try:
            outputs = self._session.run(None, arrays)
        except Exception as error:
            raise PredictionFailed(f"ONNX Runtime could not run the model: {reason(error)}") from error
        return dict(zip(self._output_names, outputs, strict=True))

    def settle(self) -> None:
        """Nothing to let go of: the session took what it needs from the file."""

    def close(self) -> None:
        self._session = None


class OnnxEngine:
    """Loads ONNX files into this process. `threads` are those of one session."""

    def __init__(self, threads: int) -> None:
        import onnxruntime  # noqa: PLC0415 - only worker processes pay for it

        self._onnxruntime = onnxruntime
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._options.enable_cpu_mem_arena = False
        self._options.log_severity_level = 3

    def load(self, artifact: Artifact) -> OnnxModel:
        """Create the session. Raises InvalidArtifact with the reason."""
        if artifact.graph is None:
            raise InvalidArtifact("the artifact holds no .onnx file")
        try:
            session = self._onnxruntime.InferenceSession(
                str(artifact.graph), sess_options=self._options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise InvalidArtifact(f"ONNX Runtime could not load {artifact.graph.name}: {reason(error)}") from error
        declared = {spec.name: spec for spec in artifact.inputs}
        specs, dynamic = [], []
        for tensor in session.get_inputs():
            if tensor.type not in _DTYPES:
                raise InvalidArtifact(f"input {tensor.name!r} is a {tensor.type}; tensors of numbers can be served")
            spec = declared.get(tensor.name)
            shape = list(tensor.shape) if spec is None else list(spec.shape)
            dynamic.append(not isinstance(tensor.shape[0], int) if tensor.shape else False)
            if shape and not isinstance(shape[0], int):
                shape[0] = 1
            if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
                raise InvalidArtifact(
                    f"input {tensor.name!r} has the open shape {shape}; "
                    f"say its sizes in {artifact.graph.stem}-shapes.json"
                )
            specs.append(TensorSpec(name=tensor.name, shape=tuple(shape), dtype=_DTYPES[tensor.type]))
        if set(declared) - {spec.name for spec in specs}:
            raise InvalidArtifact(f"{artifact.graph.stem}-shapes.json names inputs that the model does not take")
        return OnnxModel(session, tuple(specs), dynamic_batch=all(dynamic))
