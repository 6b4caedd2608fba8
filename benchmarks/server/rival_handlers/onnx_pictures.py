"""A picture through an ONNX graph: what the models of Triton and of MLServer share.

The same libraries and steps as the project's server: Pillow decodes, ONNX Runtime runs with one thread a process.
This folder runs in the environments of those servers, never in the application's.
"""

import io
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

SHORTER_SIDE = 256
SIDE = 224
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class PictureModel:
    """The one `.onnx` file of a folder, in a session of its own."""

    def __init__(self, folder: str) -> None:
        [path] = Path(folder).glob("*.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def scores(self, picture: bytes) -> np.ndarray:
        """The classes' scores, of shape (1, classes), for the bytes of a JPEG or PNG."""
        return self._session.run(None, {self._input: decode_picture(picture)})[0]


def decode_picture(picture: bytes) -> np.ndarray:
    """The model zoo's input: the shorter side to 256, the middle 224 x 224, normalised, channels first."""
    image = Image.open(io.BytesIO(picture))
    scale = SHORTER_SIDE / min(image.size)
    image = image.convert("RGB").resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
    )
    left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
    pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32)
    normalised = (pixels / np.float32(255) - MEAN) / DEVIATION
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[np.newaxis])
