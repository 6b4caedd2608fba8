"""A worker process: loads models into its memory and answers requests, one at a time, in order.

It is forked with MXNet and ONNX Runtime already imported, and ends when its socket closes.
"""

import ctypes
import gc
import logging
import socket
from dataclasses import asdict
from pathlib import Path

from . import wire
from .artifact import Artifact, read_artifact
from .engines.base import LoadedModel
from .engines.mxnet_engine import MxnetEngine
from .engines.onnx_engine import OnnxEngine
from .errors import InvalidArtifact, ModelNotFound, PredictionFailed, ServerError
from .memory import private_bytes
from .served_model import ServedModel
from .settings import Settings

_log = logging.getLogger(__name__)


class Worker:
    """The models of one worker process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models: dict[str, ServedModel] = {}
        self._mxnet = MxnetEngine()
        self._onnx = OnnxEngine(settings.engine_threads)
        self._libc = ctypes.CDLL(None)

    def load(self, name: str, directory: Path) -> wire.Header:
        """Load and run a model once. Loading one that is here already does nothing."""
        engine = ""
        if name not in self._models:
            artifact = read_artifact(directory, self._settings.program)
            model = ServedModel(artifact, self._engine_model(artifact))
            try:
                model.warm_up()
            except PredictionFailed as error:
                raise InvalidArtifact(error.message) from error
            self._models[name] = model
            engine = artifact.engine or "code"
        return {"engine": engine}

    def _engine_model(self, artifact: Artifact) -> LoadedModel:
        if artifact.engine == "mxnet":
            return self._mxnet.load(artifact)
        return self._onnx.load(artifact)

    def unload(self, name: str) -> wire.Header:
        """Drop a model and give its memory back to the system. A name that is not here is fine: the goal is reached."""
        model = self._models.pop(name, None)
        if model is not None:
            model.close()
        return {}

    def release_memory(self) -> None:
        gc.collect()
        self._libc.malloc_trim(0)

    def invoke(self, header: wire.Header, body: bytearray) -> tuple[wire.Header, bytes]:
        model = self._models.get(str(header["model"]))
        if model is None:
            raise ModelNotFound(f"model {header['model']!r} is not in this worker")
        answer = model.invoke(
            memoryview(body), str(header["content_type"]), str(header["accept"]), self._settings.default_accept
        )
        fields = asdict(answer)
        fields.pop("body")
        return fields, answer.body

    def handle(self, header: wire.Header, body: bytearray) -> tuple[wire.Header, bytes]:
        """Answer one frame; errors become a header, so that the process lives on."""
        operation = header["operation"]
        try:
            if operation == "invoke":
                return self.invoke(header, body)
            if operation == "load":
                result = self.load(str(header["model"]), Path(str(header["url"])))
            else:
                result = self.unload(str(header["model"]))
                self.release_memory()
            return {**result, "private_bytes": private_bytes()}, b""
        except ServerError as error:
            return self._failure(operation, error), b""
        except Exception:  # noqa: BLE001 - an unforeseen failure costs its request, not the process
            _log.exception("%s of model %s failed", operation, header["model"])
            return self._failure(
                operation, PredictionFailed(f"the {operation} failed inside the server; its log says why")
            ), b""

    def _failure(self, operation: object, error: ServerError) -> wire.Header:
        failure: wire.Header = {"error": error.kind, "message": error.message}
        if operation != "invoke":
            self.release_memory()
            failure["private_bytes"] = private_bytes()
        return failure


def run(sock: socket.socket, settings: Settings) -> None:
    """Serve frames until the front process closes the socket."""
    worker = Worker(settings)
    wire.send_blocking(sock, {"ready": True, "private_bytes": private_bytes()})
    while True:
        try:
            header, body = wire.receive_blocking(sock)
            answer, answer_body = worker.handle(header, body)
            wire.send_blocking(sock, answer, answer_body)
        except (EOFError, ConnectionError):
            return
