"""Whether servers that are compared answer alike."""

import io
import json
from collections.abc import Sequence

import numpy as np

from .checkpoints import INPUT_SHAPE
from .contenders import BASELINE
from .measure_throughput import Contender
from .photograph import photograph_jpeg

SEED = 20


def random_tensor() -> tuple[bytes, str]:
    """A model's input as it is sent, and its content type; the same for each call."""
    tensor = io.BytesIO()
    np.save(tensor, np.random.RandomState(SEED).rand(*INPUT_SHAPE).astype(np.float32))
    return tensor.getvalue(), "application/x-npy"


def largest_difference(contenders: Sequence[Contender], body: bytes, content_type: str) -> float:
    """Of any contender's answer from the first one's, relative to the first one's largest output."""
    outputs = [outputs_of(contender.server.invoke(contender.model, body, content_type)) for contender in contenders]
    return float(max(np.abs(output - outputs[0]).max() for output in outputs) / np.abs(outputs[0]).max())


def graphs_difference(contenders: Sequence[Contender]) -> float:
    """Between the answers of the servers that run the ONNX graph: the baseline decodes with another library."""
    graphs = [contender for contender in contenders if contender.name != BASELINE]
    return largest_difference(graphs, photograph_jpeg(), "image/jpeg")


def outputs_of(answer: bytes) -> np.ndarray:
    """The scores in a server's answer."""
    content = json.loads(answer)
    if isinstance(content, dict):
        outputs = content["outputs"]
        # The protocol of Triton and MLServer lists named tensors.
        content = outputs[0]["data"] if isinstance(outputs[0], dict) else outputs
    return np.asarray(content).reshape(-1)
