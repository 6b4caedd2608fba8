"""A tiny model of rows: where an engine takes a tenth of a millisecond, the server is what clients wait for."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES = 30
HIDDEN = 512
ROW = json.dumps([[round(0.1 * number, 1) for number in range(FEATURES)]]).encode()
ROW_TYPE = "application/json"


def write_tabular_model(folder: Path) -> Path:
    """A network of three layers for one row of FEATURES numbers, as an extracted artifact; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(3)
    sizes = (FEATURES, HIDDEN, HIDDEN, 2)
    nodes, weights, name = [], [], "row"
    for layer, (rows, columns) in enumerate(pairwise(sizes)):
        values = random.normal(0, rows**-0.5, (rows, columns)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"weights{layer}"))
        product = f"product{layer}"
        nodes.append(helper.make_node("MatMul", [name, f"weights{layer}"], [product]))
        name = "scores" if layer == len(sizes) - 2 else f"hidden{layer}"
        nodes.append(helper.make_node("Sigmoid" if name == "scores" else "Relu", [product], [name]))
    inputs = [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["N", FEATURES])]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])]
    graph = helper.make_graph(nodes, "tabular", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "tabular.onnx"))
    (folder / "tabular-shapes.json").write_text(json.dumps([{"name": "row", "shape": [1, FEATURES]}]))
    return folder
