"""A worker process: loads models into its memory and answers requests, one at a time, in order.

It is forked with MXNet and ONNX Runtime already imported, and ends when its socket closes.
"""

import ctypes
import gc
import logging
import os
import socket
import time
from pathlib import Path

from .. import wire
from ..errors import ModelNotFound, PredictionFailed, ServerError
from ..memory import PrivateMemory
from ..settings import Settings
from .engines.base import Asked
from .loading import Loader, Model
from .request_log import answering

_log = logging.getLogger(__name__)
# Where both could run, the front process goes first: it needs little, and what it does keeps the other workers busy.
_NICENESS = 5
# How often answers to invocations say what the process holds; answers to loads and unloads always do.
_REPORT_SECONDS = 1.0


class Worker:
    """The models of one worker process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models: dict[str, Model] = {}
        self._memory = PrivateMemory()
        self._reported_at = 0.0
        self._loader = Loader(
            settings.program,
            settings.artifact_code,
            settings.engine_threads,
            Path(settings.forms_folder),
            settings.forms_bytes,
        )
        self._engines_started: set[str] = set()
        self._libc = ctypes.CDLL(None)

    def load(self, name: str, directory: Path) -> wire.Header:
        """Load and run a model once. Loading one that is here already does nothing.

        `engine_started`: whether it is the first of its engine, which allocates what all its models share. `has_run`:
        whether it was run, and its memory is what it takes; else its first answer says what it takes more.
        """
        engine = ""
        started = False
        if name not in self._models:
            model, artifact, _ = self._loader.load(directory, name)
            self._models[name] = model
            engine = artifact.engine or "code"
            started = engine not in self._engines_started
            self._engines_started.add(engine)
        model = self._models[name]
        return {"engine": engine, "engine_started": started, "origin": model.origin, "has_run": model.has_run}

    def reload(self, name: str, directory: Path) -> wire.Header:
        """Load a model once more and drop what was loaded before: it has an optimised form now. A model that has left
        meanwhile stays away."""
        if name not in self._models:
            return {"origin": ""}
        model = self._loader.load(directory, name)[0]
        self._models[name].close()
        self._models[name] = model
        self.release_memory()
        return {"origin": model.origin}

    def optimise(self, directory: Path) -> wire.Header:
        """Write a model's optimised form, while nobody else needs the processor. For a process of its own."""
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return {"obstacle": self._loader.optimise(directory)}

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
        """Answer one request. `taken_bytes` is in the answer of a model's first run, if that was not at its load."""
        model = self._models.get(str(header["model"]))
        if model is None:
            raise ModelNotFound(f"model {header['model']!r} is not in this worker")
        headers = header.get("headers", {})
        asked = Asked(str(header["content_type"]), str(header["accept"]), str(header["request_id"]), headers)  # type: ignore[arg-type]
        before = None if model.has_run else self._memory.bytes()
        encoded = model.invoke(memoryview(body), asked, self._settings.default_accept)
        fields: wire.Header = {
            "content_type": encoded.content_type,
            "decode_seconds": encoded.decode_seconds,
            "engine_seconds": encoded.engine_seconds,
            "encode_seconds": encoded.encode_seconds,
        }
        if encoded.headers or encoded.status != 200:
            fields |= {"status": encoded.status, "headers": encoded.headers}
        now = time.monotonic()
        if before is not None or now - self._reported_at > _REPORT_SECONDS:
            self._reported_at = now
            fields["private_bytes"] = held = self._memory.bytes()
            if before is not None:
                fields |= {"taken_bytes": held - before, "origin": model.origin}
        return fields, encoded.body

    def private_bytes(self) -> int:
        return self._memory.bytes()

    def handle(self, header: wire.Header, body: bytearray) -> tuple[wire.Header, bytes]:
        """Answer one frame; errors become a header, so that the process lives on."""
        operation = header["operation"]
        try:
            if operation == "invoke":
                answering(str(header["request_id"]))
                return self.invoke(header, body)
            answering("")
            before = self._memory.bytes()
            name, directory = str(header["model"]), Path(str(header.get("url", "")))
            if operation == "load":
                result = self.load(name, directory)
            elif operation == "reload":
                result = self.reload(name, directory)
            elif operation == "optimise":
                result = self.optimise(directory)
            else:
                result = self.unload(name)
                self.release_memory()
            now = self._memory.bytes()
            return {**result, "taken_bytes": now - before, "private_bytes": now}, b""
        except ServerError as error:
            return self._failure(operation, error), b""
        except Exception:  # noqa: BLE001 - an unforeseen failure costs its request, not the process
            _log.exception("%s of model %s failed", operation, header["model"])
            return self._failure(
                operation, PredictionFailed(f"the {operation} failed inside the server; its log says why")
            ), b""

    def _failure(self, operation: object, error: ServerError) -> wire.Header:
        failure: wire.Header = error.to_wire()
        if operation != "invoke":
            self.release_memory()
            failure["private_bytes"] = self._memory.bytes()
        return failure


def run(sock: socket.socket, settings: Settings) -> None:
    """Serve frames until the front process closes the socket."""
    os.nice(_NICENESS)
    pid = os.getpid()
    worker = Worker(settings)
    wire.send_blocking(sock, {"number": 0, "private_bytes": worker.private_bytes()})
    while True:
        try:
            header, body = wire.receive_blocking(sock)
            answer, answer_body = worker.handle(header, body)
            if os.getpid() != pid:
                os._exit(0)  # a child that an artifact's code forked, and let return: the worker itself answers
            wire.send_blocking(sock, {**answer, "number": header["number"]}, answer_body)
        except (EOFError, ConnectionError):
            return
