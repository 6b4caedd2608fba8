"""An MXNet checkpoint as an ONNX file, by MXNet's own exporter."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from container.model_server.artifact import Artifact
from model_catalog.errors import CatalogError

if TYPE_CHECKING:
    import onnx

# The exporter writes nodes by the rules of this operator set, the newest it knows, and labels the file with the newest
# that the onnx package knows. ONNX Runtime would then choose other, in part slower, implementations.
OPERATOR_SET = 13
# What each loss answers when it is not trained: an operator, and its options.
_LOSSES: dict[str, tuple[str, dict[str, str]]] = {
    "SoftmaxOutput": ("softmax", {"axis": "1"}),
    "LogisticRegressionOutput": ("sigmoid", {}),
    "LinearRegressionOutput": ("identity", {}),
    "MAERegressionOutput": ("identity", {}),
}


def export_checkpoint(artifact: Artifact, path: Path) -> None:
    """Write the network and weights of an MXNet artifact to an ONNX file, for the inputs and batch of its shapes file.

    The same checkpoint gives the same bytes with the same versions of MXNet and onnx.

    Raises:
        CatalogError: the exporter cannot convert the network, with its reason.
    """
    # They take seconds to import, and nothing else of the catalog needs them.
    with _quiet():
        import mxnet as mx  # noqa: PLC0415
        import onnx  # noqa: PLC0415

    if artifact.graph is None or artifact.parameters is None:
        raise CatalogError("there is no MXNet checkpoint to convert.")
    try:
        with _quiet():
            symbol = mx.sym.load_json(_without_losses(artifact.graph.read_text(encoding="utf-8")))
            # Saved as `arg:NAME` and `aux:NAME`; read as a list where there are none.
            saved = mx.nd.load(str(artifact.parameters))
            parameters = {name.partition(":")[2]: values for name, values in dict(saved).items()}
            specs = {spec.name: spec for spec in artifact.inputs}
            # The exporter takes shapes in the order of the network's inputs.
            ordered = [specs[name] for name in symbol.list_inputs() if name in specs]
            mx.onnx.export_model(
                symbol,
                parameters,
                [spec.shape for spec in ordered],
                [np.dtype(spec.dtype) for spec in ordered],
                str(path),
            )
            model = onnx.load(str(path))
            del model.opset_import[:]
            model.opset_import.append(onnx.helper.make_opsetid("", OPERATOR_SET))
            _weights_are_no_inputs(model)
            onnx.checker.check_model(model)
            onnx.save(model, str(path))
    except Exception as error:
        raise CatalogError(f"{artifact.graph.name} cannot be converted to ONNX: {_reason(error)}.") from error


def _without_losses(graph: str) -> str:
    """The graph of a network that was saved for training, with outputs in the place of its losses.

    The exporter knows the losses, but loses count of the nodes when it leaves out their labels.
    """
    content = json.loads(graph)
    for node in content["nodes"]:
        if node["op"] in _LOSSES:
            node["op"], axis = _LOSSES[node["op"]]
            options = node.pop("attrs", None) or node.pop("param", None) or {}
            if options.get("preserve_shape") in ("True", "1"):
                axis = {"axis": "-1"}
            node["attrs"] = axis
            node["inputs"] = node["inputs"][:1]
    return json.dumps(content)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what MXNet says on the way: what numpy will deprecate, and where the exporter wrote its file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.INFO)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _weights_are_no_inputs(model: "onnx.ModelProto") -> None:
    """The exporter lists the weights as inputs as well: they could change, and ONNX Runtime could fold nothing."""
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".")[:300] if lines else type(error).__name__
