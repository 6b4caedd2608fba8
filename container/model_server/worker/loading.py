"""An artifact's folder to a model that answers requests: the one place that decides whether it can be loaded.

The server's workers load here, and `trial` does for the catalog, so that what is accepted there is served.
"""

import functools
from pathlib import Path

from ..artifact.contents import Artifact, read_artifact
from ..errors import InvalidArtifact, InvalidInput, PredictionFailed
from .engines.base import LoadedModel
from .engines.mxnet_engine import MxnetEngine
from .engines.onnx_engine import OnnxEngine
from .formats.tensors import Arrays
from .handlers.handler import HandlerModel
from .served_model import ServedModel

Model = ServedModel | HandlerModel


class Loader:
    """Loads models into this process.

    Args:
        program: the name of artifacts' own code below `code/`.
        artifact_code: whether it may be run.
        engine_threads: threads of one session of ONNX Runtime.
        forms: where optimised forms of ONNX models are kept; None for none.
        forms_bytes: what these may take.
    """

    def __init__(
        self, program: str, artifact_code: bool, engine_threads: int, forms: Path | None = None, forms_bytes: int = 0
    ) -> None:
        self._forms = forms
        self._forms_bytes = forms_bytes
        self._program = program
        self._artifact_code = artifact_code
        self._engine_threads = engine_threads

    @functools.cached_property
    def _mxnet(self) -> MxnetEngine:
        return MxnetEngine()

    @functools.cached_property
    def _onnx(self) -> OnnxEngine:
        return OnnxEngine(self._engine_threads, self._forms, self._forms_bytes)

    def start(self, engine: str | None) -> None:
        """Import an engine, where it is not yet: that takes seconds, and memory that no one model takes."""
        if engine == "mxnet":
            _ = self._mxnet
        elif engine == "onnxruntime":
            _ = self._onnx

    def load(self, directory: Path, name: str = "") -> tuple[Model, Artifact, Arrays]:
        """Load a model and run it once on made-up instances: the model, its artifact, and the outputs of that run.

        `name` is what the model's own code gets.

        Raises InvalidArtifact with the reason.
        """
        artifact = read_artifact(directory, self._program)
        model: Model
        if artifact.code is not None and self._artifact_code:
            model = HandlerModel(artifact, lambda: self._engine_model(artifact, by_form=False), name)
        else:
            model = ServedModel(artifact, self._engine_model(artifact))
        try:
            outputs = model.warm_up()
        except (PredictionFailed, InvalidInput) as error:
            raise InvalidArtifact(error.message) from error
        return model, artifact, outputs

    def optimise(self, directory: Path) -> str:
        """Write the optimised form of an artifact's ONNX model, for later loads. Returns why there is none, or an empty
        text. Raises InvalidArtifact, OSError."""
        return self._onnx.optimise(read_artifact(directory, self._program))

    def _engine_model(self, artifact: Artifact, by_form: bool = True) -> LoadedModel:
        if artifact.engine == "mxnet":
            return self._mxnet.load(artifact)
        if artifact.engine == "onnxruntime":
            return self._onnx.load(artifact, by_form)
        raise InvalidArtifact(
            "the artifact holds no checkpoint: its code must define model_fn"
            if self._artifact_code
            else "the artifact holds only code, and MODEL_SERVER_ARTIFACT_CODE turned artifacts' code off"
        )
