"""An MXNet checkpoint as an ONNX file, by MXNet's own exporter."""

import contextlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from container.model_server.artifact.contents import Artifact
from container.model_server.worker.engines.mxnet_params import by_role
from container.model_server.worker.engines.reasons import reason
from model_catalog.errors import CatalogError

if TYPE_CHECKING:
    import onnx

# The exporter writes nodes by the rules of this operator set, the newest it knows, and labels the file with the newest
# that the onnx package knows. ONNX Runtime would then choose other, in part slower, implementations.
OPERATOR_SET = 13
_TRUE = ("True", "true", "1")
# MXNet's defaults of options where the exporter takes another for granted.
_DEFAULTS = {
    "Deconvolution": {"no_bias": "True"},
    "FullyConnected": {"flatten": "True"},
    "LRN": {"knorm": "2"},
    "_contrib_box_nms": {"force_suppress": "False"},
    "_split_v2": {"axis": "1"},
}
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
            # Written again by this MXNet, which knows how earlier ones wrote the same.
            symbol = mx.sym.load(str(artifact.graph))
            # Read as a list where there are none.
            arguments, auxiliary = by_role(dict(mx.nd.load(str(artifact.parameters))), symbol, artifact.parameters.name)
            parameters = arguments | auxiliary
            graph = json.loads(symbol.tojson())
            _for_the_exporter(graph["nodes"], parameters, mx.nd.ones_like)
            if any(node.get("attrs", {}).get("act_type") == "prelu" for node in graph["nodes"]):
                _slopes_for_the_exporter(graph["nodes"], parameters, _ranks(symbol, artifact, parameters))
            symbol = mx.sym.load_json(json.dumps(graph))
            specs = {spec.name: spec for spec in artifact.inputs}
            # The exporter takes shapes in the order of the network's inputs.
            ordered = [specs[name] for name in symbol.list_inputs() if name in specs]
            with _rules_of_the_operator_set(onnx.checker.DEFAULT_CONTEXT):
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
            _only_given_inputs(model, [spec.name for spec in artifact.inputs])
            _outputs_as_in_mxnet(model, symbol)
            onnx.checker.check_model(model)
            onnx.save(model, str(path))
    except Exception as error:
        where = f"{operator}: " if (operator := _operator_of(error)) and operator not in str(error) else ""
        raise CatalogError(
            f"{artifact.graph.name} cannot be converted to ONNX: {where}{reason(error).rstrip('.')}."
        ) from error


def _for_the_exporter(nodes: list[dict[str, Any]], parameters: dict[str, Any], ones_like: Callable[..., Any]) -> None:
    """Say in the network what the exporter does not know of MXNet.

    It knows the losses, but loses count of the nodes when it leaves out their labels. An option that is not there has
    MXNet's default, which it takes for another or does not look at.
    """
    for node in nodes:
        options = node.get("attrs", {})
        if node["op"] in _LOSSES:
            node["op"], options = _LOSSES[node["op"]]
            if node.pop("attrs", {}).get("preserve_shape") in _TRUE:
                options = {"axis": "-1"}
            node["inputs"] = node["inputs"][:1]
        elif node["op"] == "SoftmaxActivation" and options.get("mode") == "channel":
            node["op"], options = "softmax", {"axis": "1"}
        elif node["op"] == "BatchNorm" and options.get("fix_gamma", "True") in _TRUE:
            gamma = nodes[node["inputs"][1][0]]["name"]
            if gamma in parameters:
                parameters[gamma] = ones_like(parameters[gamma])
        options = _DEFAULTS.get(node["op"], {}) | options
        if "no_bias" in options:
            options["no_bias"] = str(options["no_bias"] in _TRUE)
        if options:
            node["attrs"] = options


def _ranks(symbol: Any, artifact: Artifact, parameters: dict[str, Any]) -> dict[str, int]:
    """How many dimensions each tensor of a network has, by its name."""
    inner = symbol.get_internals()
    known = {name: values.shape for name, values in parameters.items() if name in symbol.list_arguments()}
    known |= {spec.name: spec.shape for spec in artifact.inputs}
    shapes = inner.infer_shape(**known)[1]
    return {name: len(shape) for name, shape in zip(inner.list_outputs(), shapes, strict=True)}


def _slopes_for_the_exporter(nodes: list[dict[str, Any]], parameters: dict[str, Any], ranks: dict[str, int]) -> None:
    """Give PReLU's slopes, one a channel, the shape that makes them one a channel in ONNX as well."""
    for node in nodes:
        if node["op"] != "LeakyReLU" or node.get("attrs", {}).get("act_type") != "prelu":
            continue
        (data, output, *_), (slope, *_) = node["inputs"][:2]
        source, name = nodes[data], nodes[slope]["name"]
        tensor = source["name"] if source["op"] == "null" else f"{source['name']}_output"
        rank = ranks.get(tensor, ranks.get(f"{tensor}{output}", 0))
        if name in parameters and parameters[name].ndim == 1 and rank > 2:
            parameters[name] = parameters[name].reshape((-1,) + (1,) * (rank - 2))


@contextlib.contextmanager
def _rules_of_the_operator_set(context: Any) -> Iterator[None]:
    """The exporter has its graph checked by the newest rules, which refuse what is right by those it writes by."""
    newest = context.opset_imports
    context.opset_imports = {"": OPERATOR_SET}
    try:
        yield
    finally:
        context.opset_imports = newest


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what MXNet says on the way: what numpy will deprecate, and where the exporter wrote its file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        # logging.info gives a root logger without a handler one that stays.
        nowhere = logging.NullHandler()
        logging.root.addHandler(nowhere)
        try:
            yield
        finally:
            logging.root.removeHandler(nowhere)
            logging.disable(before)


def _only_given_inputs(model: "onnx.onnx_ml_pb2.ModelProto", names: list[str]) -> None:
    """The exporter lists the weights as inputs as well: they could change, and ONNX Runtime could fold nothing.

    The order is that of the shapes file: an artifact's own code gives its array to the first.
    """
    inputs = {value.name: value for value in model.graph.input}
    del model.graph.input[:]
    model.graph.input.extend(inputs[name] for name in names if name in inputs)


def _outputs_as_in_mxnet(model: "onnx.onnx_ml_pb2.ModelProto", symbol: Any) -> None:
    """The exporter lists outputs in the order in which they are computed, under names of its own; answers of several
    outputs carry the names."""
    content = json.loads(symbol.tojson())
    produced = {name for node in model.graph.node for name in node.output}
    declared = {value.name: value for value in model.graph.output}
    outputs, names = {}, {}
    for (index, position, *_), name in zip(content["heads"], symbol.list_outputs(), strict=True):
        node = content["nodes"][index]["name"]
        tensor = node if position == 0 and node in declared else f"{node}{position}"
        if tensor not in declared or tensor in outputs:
            raise ValueError(f"the exporter leaves out the output {name}")
        outputs[tensor] = declared[tensor]
        if tensor in produced and name not in produced:
            names[tensor] = name
    del model.graph.output[:]
    model.graph.output.extend(outputs.values())
    for value in model.graph.output:
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _operator_of(error: Exception) -> str | None:
    """The operator that the exporter was converting when it failed: not all of its errors name it."""
    trace = error.__traceback__
    operator = None
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "convert_layer":
            operator = trace.tb_frame.f_locals.get("op")
        trace = trace.tb_next
    return operator
