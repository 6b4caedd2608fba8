"""Triton's Python backend: one BYTES element, a picture, to its scores. Triton copies this file into each model."""

import sys
from pathlib import Path

import numpy as np
import triton_python_backend_utils as backend

# The artifact's own folder has no code of the benchmark's but this file and the one it shares.
sys.path.insert(0, str(Path(__file__).parent))

from onnx_pictures import PictureModel


class TritonPythonModel:
    def initialize(self, args):
        self._model = PictureModel(Path(args["model_repository"]) / args["model_version"])

    def execute(self, requests):
        responses = []
        for request in requests:
            pictures = backend.get_input_tensor_by_name(request, "picture").as_numpy()
            scores = self._model.scores(pictures.reshape(-1)[0])
            tensor = backend.Tensor("scores", scores.astype(np.float32, copy=False))
            responses.append(backend.InferenceResponse([tensor]))
        return responses
