"""ONNX models on ONNX Runtime, without its memory arena: an arena never gives memory back."""

import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...artifact.contents import Artifact
from ...artifact.signature import ElementType, TensorSpec, share_batch
from ...errors import InvalidArtifact, PredictionFailed
from ..formats.tensors import Arrays
from .base import Origin
from .instances import InstanceRunner, sample_arrays
from .onnx_forms import GRAPH, WEIGHTS, Form, FormFolder, Ran
from .onnx_optimiser import LEAST_BYTES, write_form
from .reasons import reason

_DTYPES: dict[str, ElementType] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32",
    "tensor(uint16)": "uint16",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "str",
}
_SEVERITY_FATAL = 4
_log = logging.getLogger(__name__)


class OnnxModel:
    """A session with its inputs' shapes."""

    def __init__(
        self,
        session: Any,
        inputs: tuple[TensorSpec, ...],
        takes_any_number: bool,
        origin: Origin = Origin.FILE,
        ran: Ran | None = None,
    ) -> None:
        """`takes_any_number`: whether it takes any number of instances at once. `ran`: what showed that it runs."""
        self._session = session
        self.origin = origin
        self.takes_any_number = takes_any_number
        self.inputs = inputs
        self.outputs = tuple((output.name, _DTYPES[output.type]) for output in session.get_outputs())
        self._ran = ran
        self._instances = InstanceRunner(inputs, takes_any_number)

    def predict(self, arrays: Arrays) -> Arrays:
        return self._instances.run(self, arrays)

    def run_once(self, arrays: Arrays) -> Arrays:
        try:
            outputs = self._session.run(None, arrays)
        except Exception as error:
            raise PredictionFailed(f"ONNX Runtime could not run the model: {reason(error)}") from error
        return {name: np.asarray(output) for (name, _), output in zip(self.outputs, outputs, strict=True)}

    def followers(self) -> dict[str, bool]:
        """Which outputs have the instances as their first dimension: the file says so, or trials do."""
        shapes = {output.name: output.shape or [None] for output in self._session.get_outputs()}
        batch = self._instances.batch
        names = {tensor.shape[0] for tensor in self._session.get_inputs() if tensor.shape}
        said = {name: shape[0] in names and isinstance(shape[0], str) for name, shape in shapes.items()}
        if self._instances.takes_any_number:
            if all(said.values()):
                return said
            tried = [self._counted(count, value) for count in (2, 3) for value in (0, 1, 2)]
            trials = [trial for trial in tried if trial is not None]
            return {name: said[name] or (bool(trials) and all(name in trial for trial in trials)) for name in shapes}
        return {name: said[name] or shape[0] == batch for name, shape in shapes.items()}

    def _counted(self, count: int, value: int) -> set[str] | None:
        """The outputs that have as many entries as there are made-up instances; None where those cannot be run."""
        try:
            outputs = self.run_once(sample_arrays(self.inputs, count, value))
        except PredictionFailed:
            return None
        return {name for name, output in outputs.items() if output.ndim and len(output) == count}

    def foreseen(self) -> Arrays | None:
        """Forms were run when they were made; with other inputs than now they would have to be run again."""
        if self._ran is None or self._ran.inputs != self.inputs:
            return None
        return {name: np.zeros(shape, dtype) for name, (dtype, shape) in self._ran.outputs.items()}

    def settle(self) -> None:
        """Nothing to let go of: the session took what it needs from the file."""

    def close(self) -> None:
        self._session = None


class OnnxEngine:
    """Loads ONNX files into this process.

    Args:
        threads: those that all sessions of the process compute with, together.
        forms: where optimised forms of models are kept; None for none.
        forms_bytes: what these may take.
    """

    def __init__(self, threads: int, forms: Path | None = None, forms_bytes: int = 0) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports usage to its maker unless told otherwise
        import onnxruntime  # noqa: PLC0415 - only worker processes pay for it

        self._onnxruntime = onnxruntime
        self._threads = threads
        self.forms = None
        if forms is not None and forms_bytes:
            try:
                self.forms = FormFolder(forms, forms_bytes, onnxruntime.__version__)
            except OSError as error:
                _log.warning("ONNX models are loaded without optimised forms: %s", error)

    def _options(self) -> Any:
        options = self._onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        # What it would write to stderr is in the errors it raises.
        options.log_severity_level = _SEVERITY_FATAL
        return options

    def load(self, artifact: Artifact, by_form: bool = True) -> OnnxModel:
        """Create the session, from the model's optimised form where there is one and it may be used.

        Raises InvalidArtifact with the reason.
        """
        graph = _graph_of(artifact)
        origin = Origin.FILE
        if by_form and self.forms is not None and graph.stat().st_size >= LEAST_BYTES:
            found = self.forms.find(graph)
            if found is None:
                origin = Origin.OPTIMISABLE_FILE
            elif not found[1].direct_because:
                place, form = found
                try:
                    return self._open(artifact, place / GRAPH, form=form)
                except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the model itself is there
                    self.forms.discard(place, reason(error))
                    origin = Origin.OPTIMISABLE_FILE
        try:
            session = self._session(str(graph), self._options())
        except Exception as error:
            raise InvalidArtifact(f"ONNX Runtime could not load {graph.name}: {reason(error)}") from error
        return self._model(session, artifact, origin)

    def optimise(self, artifact: Artifact) -> str:
        """Write the model's optimised form. Returns why there is none to use, or an empty text. Raises OSError."""
        if self.forms is None or artifact.graph is None:
            return "optimised forms are turned off"
        return write_form(self.forms, artifact.graph, functools.partial(self._open, artifact))

    def _open(
        self, artifact: Artifact, source: bytes | Path, form: Form | None = None, writes: Path | None = None
    ) -> OnnxModel:
        """A model from its content or a form's graph. Raises what ONNX Runtime raises."""
        options = self._options()
        if form is not None:
            options.graph_optimization_level = self._onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            if not form.prepack:
                options.add_session_config_entry("session.disable_prepacking", "1")
        if writes is not None:
            options.optimized_model_filepath = str(writes / GRAPH)
            entry = "session.optimized_model_external_initializers_"
            options.add_session_config_entry(f"{entry}file_name", WEIGHTS)
            options.add_session_config_entry(f"{entry}min_size_in_bytes", "1024")
        session = self._session(source if isinstance(source, bytes) else str(source), options)
        if form is None:
            return self._model(session, artifact, Origin.FILE)
        return self._model(session, artifact, Origin.FORM, form.ran)

    def _session(self, source: str | bytes, options: Any) -> Any:
        return self._onnxruntime.InferenceSession(source, sess_options=options, providers=["CPUExecutionProvider"])

    @staticmethod
    def _model(session: Any, artifact: Artifact, origin: Origin, ran: Ran | None = None) -> OnnxModel:
        _check_outputs(session)
        return OnnxModel(session, *session_inputs(session, _graph_of(artifact), artifact.inputs), origin, ran)


def _graph_of(artifact: Artifact) -> Path:
    if artifact.graph is None:
        raise InvalidArtifact("the artifact holds no .onnx file")
    return artifact.graph


def session_inputs(session: Any, graph: Path, declared: Sequence[TensorSpec]) -> tuple[tuple[TensorSpec, ...], bool]:
    """The inputs of a session, with sizes that the file leaves open taken from the shapes file; and whether it takes
    any number of instances at once.

    Raises InvalidArtifact for inputs that cannot be served.
    """
    shapes_file = f"{graph.stem}-shapes.json"
    said = {spec.name: spec for spec in declared}
    specs, is_open = [], []
    for tensor in session.get_inputs():
        dtype = _DTYPES.get(tensor.type)
        if dtype is None:
            raise InvalidArtifact(
                f"input {tensor.name!r} is a {tensor.type}; tensors of {', '.join(_DTYPES.values())} can be served: "
                "export the network with one of them"
            )
        spec = said.get(tensor.name)
        if spec is not None and "dtype" in spec.model_fields_set and spec.dtype != dtype:
            raise InvalidArtifact(f"{shapes_file} says that {tensor.name!r} is {spec.dtype}, but it is {dtype}")
        shape = list(tensor.shape) if spec is None else list(spec.shape)
        if shape and not isinstance(shape[0], int):
            shape[0] = 1
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise InvalidArtifact(
                f"input {tensor.name!r} has the open shape {shape}; say its sizes in {shapes_file}, such as "
                f'[{{"name": "{tensor.name}", "shape": {[s if isinstance(s, int) and s > 0 else 128 for s in shape]}}}]'
            )
        specs.append(TensorSpec(name=tensor.name, shape=tuple(shape), dtype=dtype))
        if tensor.shape:
            is_open.append(not isinstance(tensor.shape[0], int))
    if set(said) - {spec.name for spec in specs}:
        raise InvalidArtifact(f"{shapes_file} names inputs that the model does not take")
    if not specs:
        raise InvalidArtifact(f"{graph.name} takes no input")
    shared = share_batch(specs)
    return shared, bool(is_open) and all(is_open) and all(spec.batched for spec in shared)


def _check_outputs(session: Any) -> None:
    for output in session.get_outputs():
        if output.type in _DTYPES:
            continue
        advice = "export the network with tensors as outputs"
        if "seq(map" in output.type:
            advice = "export with zipmap=False (skl2onnx: options={'zipmap': False}; onnxmltools: zipmap=False)"
        raise InvalidArtifact(f"output {output.name!r} is a {output.type}, which no answer can carry: {advice}")
