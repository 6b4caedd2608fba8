"""The models of a run: architectures of MXNet's model zoo with seeded random weights, as MXNet checkpoints and as ONNX.

Pretrained weights cannot be had everywhere; time and memory do not depend on the weights' values. Every copy of a model
has weights of its own, so that no server can gain by sharing them.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
from mxnet.gluon.model_zoo import vision

from container.model_server.artifact.contents import read_artifact
from model_catalog.conversion import DEFAULT_TOLERANCE, relative_difference
from model_catalog.onnx_export import export_checkpoint

from .errors import BenchmarkError

# Changes when the content made here changes, so that an older store is not taken for it.
STORE_VERSION = "3"
Engine = Literal["mxnet", "onnxruntime"]
INPUT_SHAPE = (1, 3, 224, 224)
ARCHITECTURES = {"squeezenet": "squeezenet1.1", "resnet18": "resnet18_v1"}
TOLERANCE = DEFAULT_TOLERANCE


class CheckpointStore:
    """Folder of models, made on demand and kept between runs; each model is a folder as SageMaker extracts an artifact.

    Args:
        directory: where the models live.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory / f"store-{STORE_VERSION}"

    def mxnet(self, architecture: str, number: int) -> Path:
        """Folder of copy `number` of the architecture (a key of ARCHITECTURES) as an MXNet checkpoint."""
        folder = self._directory / "mxnet" / f"{architecture}-{number:04d}"
        if not folder.is_dir():
            self._write(folder, lambda target: self._write_mxnet(target, architecture, number))
        return folder

    def onnx(self, architecture: str, number: int) -> Path:
        """Folder of the same copy as an ONNX graph.

        Copy 0 is exported, and its outputs found equal to MXNet's within TOLERANCE; the others are its graph with their
        own weights.

        Raises BenchmarkError when the outputs differ.
        """
        folder = self._directory / "onnx" / f"{architecture}-{number:04d}"
        if not folder.is_dir():
            source = self.mxnet(architecture, number)
            if number == 0:
                self._write(folder, lambda target: _export_onnx(target, source, architecture))
            else:
                first = self.onnx(architecture, 0)
                self._write(folder, lambda target: _replace_weights(target, first, source, architecture))
        return folder

    def many(self, engine: Engine, count: int) -> list[Path]:
        """Folders of the first `count` copies of SqueezeNet. Files of their own, not links: a server may map them."""
        one = self.mxnet if engine == "mxnet" else self.onnx
        return [one("squeezenet", number) for number in range(count)]

    def _write(self, folder: Path, write: Callable[[Path], None]) -> None:
        """Fill a folder beside the wanted one and rename it, so that a stopped run leaves no half model."""
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        write(unfinished)
        unfinished.rename(folder)

    def _write_mxnet(self, folder: Path, architecture: str, number: int) -> None:
        prefix = folder / architecture
        if number == 0:
            _export_architecture(prefix, architecture)
        else:
            first = self.mxnet(architecture, 0)
            shutil.copy(first / f"{architecture}-symbol.json", folder)
            weights = mx.nd.load(str(first / f"{architecture}-0000.params"))
            # Each weight array in another order: the same distribution, and content of the copy's own.
            fresh = {name: mx.nd.array(np.roll(values.asnumpy(), number)) for name, values in weights.items()}
            mx.nd.save(f"{prefix}-0000.params", fresh)
        _write_shapes(folder, architecture)


def _export_architecture(prefix: Path, architecture: str) -> None:
    mx.random.seed(1)
    np.random.seed(1)
    network = vision.get_model(ARCHITECTURES[architecture])
    # Keeps the signal's scale through layers with ReLU, so that the outputs are ordinary numbers.
    network.initialize(mx.init.MSRAPrelu(factor_type="in", slope=0.0))
    network.hybridize()
    network(mx.nd.random.uniform(shape=INPUT_SHAPE)).wait_to_read()
    network.export(str(prefix))


def _export_onnx(folder: Path, source: Path, architecture: str) -> None:
    prefix = source / architecture
    path = folder / f"{architecture}.onnx"
    export_checkpoint(read_artifact(source), path)
    _write_shapes(folder, architecture)
    difference = outputs_difference(prefix, path)
    if difference > TOLERANCE:
        raise BenchmarkError(f"{path}: outputs differ from MXNet's by {difference:g} (allowed: {TOLERANCE:g})")


def _replace_weights(folder: Path, exported: Path, source: Path, architecture: str) -> None:
    """The exported graph with another copy's weights: exporting again takes ten times as long."""
    model = onnx.load(str(exported / f"{architecture}.onnx"))
    weights = {name[4:]: value for name, value in mx.nd.load(str(source / f"{architecture}-0000.params")).items()}
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights[tensor.name].asnumpy(), tensor.name))
    onnx.save(model, str(folder / f"{architecture}.onnx"))
    _write_shapes(folder, architecture)


def _write_shapes(folder: Path, architecture: str) -> None:
    shapes = [{"name": "data", "shape": list(INPUT_SHAPE)}]
    (folder / f"{architecture}-shapes.json").write_text(json.dumps(shapes))


def outputs_difference(prefix: Path, onnx_path: Path) -> float:
    """`relative_difference` of the outputs on a random picture, of MXNet called directly and of the ONNX graph."""
    data = np.random.RandomState(7).rand(*INPUT_SHAPE).astype(np.float32)
    symbol, parameters, states = mx.model.load_checkpoint(str(prefix), 0)
    module = mx.mod.Module(symbol, label_names=None)
    module.bind(for_training=False, data_shapes=[("data", INPUT_SHAPE)])
    module.set_params(parameters, states)
    module.forward(mx.io.DataBatch([mx.nd.array(data)]), is_train=False)
    expected = module.get_outputs()[0].asnumpy()
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    [found] = session.run(None, {session.get_inputs()[0].name: data})
    return relative_difference(expected, found)
