"""A model in this process, asked as the server asks it."""

import io
import json
from pathlib import Path

import numpy as np

from container.model_server.worker.engines.base import Asked
from container.model_server.worker.loading import Loader, Model

JSON = "application/json"
NPY = "application/x-npy"
CSV = "text/csv"
JSON_LINES = "application/jsonlines"


def load(folder: Path) -> Model:
    return Loader("inference.py", artifact_code=True, engine_threads=1).load(folder)[0]


def ask(model: Model, body: object, kind: str = JSON, accept: str = JSON) -> bytes:
    """The answer's body. What is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return model.invoke(memoryview(content), Asked(kind, accept), JSON).body


def outputs(model: Model, body: object, kind: str = JSON):
    """The outputs of an answer in JSON."""
    return json.loads(ask(model, body, kind))["outputs"]


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def from_npy(body: bytes) -> np.ndarray:
    return np.load(io.BytesIO(body), allow_pickle=False)
