"""Small ONNX models, each with weights of its own, that take a few milliseconds of one core."""

import io
import tarfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROWS, WIDTH, HIDDEN = 96, 256, 4096
"""A model is WIDTH x HIDDEN weights, 4 MiB; a call multiplies them with ROWS rows."""
BODY = b'{"instances": [[' + b", ".join([b"0.5"] * WIDTH) + b"]]}"


def packed_model(seed: int, folder: Path) -> bytes:
    """The artifact of one model."""
    random = np.random.default_rng(seed)
    weights = random.normal(scale=0.05, size=(WIDTH, HIDDEN)).astype(np.float32)
    scales = np.linspace(0.5, 1.5, ROWS, dtype=np.float32).reshape(ROWS, 1)
    node = helper.make_node
    graph = helper.make_graph(
        [
            # One row becomes many, so that a call has work to do.
            node("Mul", ["x", "scales"], ["rows"]),
            node("MatMul", ["rows", "weights"], ["hidden"]),
            node("ReduceMean", ["hidden"], ["mean"], axes=[0], keepdims=1),
            node("Slice", ["mean", "begin", "end", "axis"], ["y"]),
        ],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(scales, "scales"),
            numpy_helper.from_array(np.array([0]), "begin"),
            numpy_helper.from_array(np.array([4]), "end"),
            numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / f"{seed}.onnx"
    onnx.save(model, str(path))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        tar.add(path, "net.onnx")
    path.unlink()
    return archive.getvalue()
