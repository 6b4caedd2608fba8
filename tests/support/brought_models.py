"""Checkpoints like those people bring: an image classifier of SageMaker's own algorithm, a face network with PReLU, and
MTCNN's cascade of networks with its own code."""

import json
import shutil
from pathlib import Path

from tests.support.checkpoints import mxnet, save_checkpoint

S = mxnet.sym


def _classifier():
    layer = S.Activation(S.Convolution(S.var("data"), kernel=(3, 3), num_filter=4, name="conv0"), act_type="relu")
    layer = S.Pooling(layer, global_pool=True, kernel=(7, 7), pool_type="avg", name="pool1")
    layer = S.FullyConnected(S.Flatten(layer), num_hidden=3, name="fc1")
    return S.SoftmaxOutput(layer, name="softmax")


def classifier_archive(directory: Path) -> Path:
    """The archive that SageMaker's image classification writes, with labels as Windows saves them."""
    folder = save_checkpoint(directory / "classifier", _classifier(), (1, 3, 32, 32), name="image-classification")
    (folder / "image-classification-0000.params").rename(folder / "image-classification-0010.params")
    (folder / "image-classification-shapes.json").rename(folder / "model-shapes.json")
    (folder / "synset.txt").write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\nfox\r\n")
    return Path(shutil.make_archive(str(directory / "model"), "gztar", folder))


def _face_network():
    layer = S.var("data")
    for number, filters in enumerate((4, 8)):
        layer = S.Convolution(layer, kernel=(3, 3), num_filter=filters, no_bias=True, name=f"conv{number}")
        layer = S.BatchNorm(layer, fix_gamma=False, eps=2e-5, name=f"bn{number}")
        layer = S.LeakyReLU(layer, act_type="prelu", name=f"relu{number}")
    layer = S.FullyConnected(S.Dropout(S.BatchNorm(layer, fix_gamma=False, name="bn")), num_hidden=16, name="pre_fc1")
    return S.BatchNorm(layer, fix_gamma=True, name="fc1")


def face_folder(directory: Path) -> Path:
    """A network that makes 16 numbers of a face."""
    folder = save_checkpoint(directory / "face", _face_network(), (1, 3, 16, 16), name="model")
    signature = {"scale": 0.0078125, "mean": [0.99609375] * 3, "std": [1, 1, 1], "resize_shorter": None}
    (folder / "signature.json").write_text(json.dumps({"image": signature}))
    return folder


def _stage(number: int):
    layer = S.Convolution(S.var("data"), kernel=(3, 3), num_filter=4, name="conv1")
    layer = S.LeakyReLU(layer, act_type="prelu", name="prelu1")
    scores = S.SoftmaxActivation(
        S.Convolution(layer, kernel=(1, 1), num_filter=2, name="cls"), mode="channel", name="p"
    )
    boxes = S.Convolution(layer, kernel=(1, 1), num_filter=4, name=f"box{number}")
    return S.Group([scores, boxes])


CASCADE = """
import json
import mxnet as mx
import numpy as np

def model_fn(model_dir):
    stages = []
    for number in (1, 2, 3):
        symbol, arguments, auxiliary = mx.model.load_checkpoint(f"{model_dir}/det{number}", 1)
        stage = mx.mod.Module(symbol, label_names=None)
        stage.bind([("data", (1, 3, 12, 12))], for_training=False)
        stage.set_params(arguments, auxiliary)
        stages.append(stage)
    return stages

def input_fn(body, content_type):
    image = mx.image.imresize(mx.image.imdecode(body), 12, 12)
    return image.transpose((2, 0, 1)).expand_dims(0).astype("float32") / 255

def predict_fn(data, stages):
    outputs = []
    for stage in stages:
        stage.forward(mx.io.DataBatch([data]), is_train=False)
        outputs.append([output.shape for output in stage.get_outputs()])
    return outputs

def output_fn(prediction, accept):
    return json.dumps(prediction), accept
"""


def cascade_folder(directory: Path) -> Path:
    """Three networks and the code that runs them; it answers the shapes of their outputs, `CASCADE_ANSWER`."""
    folder = directory / "cascade"
    folder.mkdir()
    for number in (1, 2, 3):
        saved = save_checkpoint(directory / f"stage{number}", _stage(number), (1, 3, 12, 12), name=f"det{number}")
        shutil.copy(saved / f"det{number}-symbol.json", folder)
        shutil.copy(saved / f"det{number}-0000.params", folder / f"det{number}-0001.params")
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text(CASCADE)
    return folder


CASCADE_ANSWER = [[[1, 2, 10, 10], [1, 4, 10, 10]]] * 3
