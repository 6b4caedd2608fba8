"""Small ONNX networks, written node by node."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]
TYPES = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "str": TensorProto.STRING,
}
node = helper.make_node


def tensor(name: str, shape: Shape, dtype: str = "float32") -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TYPES[dtype], list(shape))


def save_network(
    path: Path,
    nodes: Iterable[onnx.NodeProto],
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[onnx.ValueInfoProto],
    weights: dict[str, np.ndarray] | None = None,
    *,
    opset: int = 13,
    ir: int = 8,
    external: str | None = None,
) -> Path:
    """Write a network to `path`, in a folder that is made, and return the folder. `external`: file of its weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    initializers = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "network", list(inputs), list(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    if external is None:
        onnx.save(model, str(path))
    else:
        onnx.save(model, str(path), save_as_external_data=True, location=external, size_threshold=0)
    return path.parent


def save_identity(folder: Path, dtype: str, shape: Shape = ("N", 4)) -> Path:
    return save_network(
        folder / "net.onnx", [node("Identity", ["x"], ["y"])], [tensor("x", shape, dtype)], [tensor("y", shape, dtype)]
    )


def save_linear(folder: Path, shape: Shape = ("N", 4), **options: object) -> Path:
    """Four numbers to three: `x @ [[0, .1, .2], [.3, ...], ...]`."""
    weights = {"w": np.arange(12, dtype=np.float32).reshape(4, 3) / 10}
    multiply = node("MatMul", ["x", "w"], ["y"])
    outputs = [tensor("y", [shape[0], 3])]
    return save_network(folder / "net.onnx", [multiply], [tensor("x", shape)], outputs, weights, **options)  # type: ignore[arg-type]


def save_detector(folder: Path, batch: int | str = 1, rows: int | str = "k") -> Path:
    """As many rows as the input has values that are not zero: `[instance, position]` of each."""
    nodes = [node("NonZero", ["x"], ["found"]), node("Transpose", ["found"], ["rows"], perm=[1, 0])]
    return save_network(folder / "net.onnx", nodes, [tensor("x", [batch, 4])], [tensor("rows", [rows, 2], "int64")])
