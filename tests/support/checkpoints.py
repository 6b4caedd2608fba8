"""Small real networks with random weights, saved as MXNet checkpoints."""

import json
import warnings
from pathlib import Path

import numpy as np

with warnings.catch_warnings():
    # mxnet 1.9.1 reads numpy.bool while it is imported, which numpy 1.23 warns of.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet


def save_checkpoint(directory: Path, symbol, shape: tuple[int, ...], seed: int = 1, name: str = "net") -> Path:
    """Save a network of one input, `data`, with random weights as an artifact's folder."""
    return save_checkpoint_of(directory, symbol, {"data": shape}, seed, name)


def save_checkpoint_of(
    directory: Path, symbol, shapes: dict[str, tuple[int, ...]], seed: int = 1, name: str = "net"
) -> Path:
    """The same with the inputs of these shapes, which stand in this order in the shapes file."""
    random = np.random.RandomState(seed)
    directory.mkdir(parents=True)
    argument_shapes, _, auxiliary_shapes = symbol.infer_shape(**shapes)
    parameters = {}
    for argument, size in zip(symbol.list_arguments(), argument_shapes, strict=True):
        if argument not in shapes and not argument.endswith("label"):
            parameters[f"arg:{argument}"] = mxnet.nd.array(random.normal(0, 0.3, size).astype(np.float32))
    for auxiliary, size in zip(symbol.list_auxiliary_states(), auxiliary_shapes, strict=True):
        parameters[f"aux:{auxiliary}"] = mxnet.nd.array(random.uniform(0.5, 1.5, size).astype(np.float32))
    symbol.save(str(directory / f"{name}-symbol.json"))
    mxnet.nd.save(str(directory / f"{name}-0000.params"), parameters)
    entries = [{"name": argument, "shape": shape} for argument, shape in shapes.items()]
    (directory / f"{name}-shapes.json").write_text(json.dumps(entries))
    return directory


def dense_network():
    hidden = mxnet.sym.FullyConnected(mxnet.sym.var("data"), num_hidden=8, name="hidden")
    output = mxnet.sym.FullyConnected(mxnet.sym.Activation(hidden, act_type="relu"), num_hidden=3, name="output")
    return mxnet.sym.SoftmaxOutput(output, name="softmax")


def image_network():
    layer = mxnet.sym.Convolution(mxnet.sym.var("data"), kernel=(3, 3), num_filter=8, name="conv")
    layer = mxnet.sym.Activation(mxnet.sym.BatchNorm(layer, name="norm", fix_gamma=False), act_type="relu")
    layer = mxnet.sym.Pooling(layer, global_pool=True, pool_type="avg", kernel=(1, 1))
    return mxnet.sym.FullyConnected(mxnet.sym.flatten(layer), num_hidden=10, name="output")
