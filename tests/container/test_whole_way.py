"""Checkpoints like those people have, from `add` to the answer of a server: an image classifier of SageMaker's own
algorithm, a face network with PReLU, and MTCNN's cascade of networks with its own code."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from container.model_server.archive import extract_archive
from model_catalog.catalog import Catalog
from model_catalog.check import Check
from model_catalog.conversion import convert_to_onnx
from tests.container.clients import Client
from tests.container.conftest import encoded_image
from tests.support.checkpoints import mxnet, save_checkpoint

S = mxnet.sym
JSON = "application/json"


def published(tmp_path: Path, name: str, source: Path, convert=None) -> Path:
    """What a server gets of a model: the artifact that `add` packed, extracted."""
    catalog = Catalog(tmp_path / "catalog")
    version = catalog.add(name, source, convert=convert, check=Check()).version
    extract_archive(catalog.directory / version.artifact, tmp_path / "served" / name)
    return tmp_path / "served" / name


def classifier():
    layer = S.Activation(S.Convolution(S.var("data"), kernel=(3, 3), num_filter=4, name="conv0"), act_type="relu")
    layer = S.Pooling(layer, global_pool=True, kernel=(7, 7), pool_type="avg", name="pool1")
    layer = S.FullyConnected(S.Flatten(layer), num_hidden=3, name="fc1")
    return S.SoftmaxOutput(layer, name="softmax")


def test_an_image_classifier_of_sagemakers_own_algorithm(client: Client, tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "made", classifier(), (1, 3, 32, 32), name="image-classification")
    (folder / "image-classification-0000.params").rename(folder / "image-classification-0010.params")
    (folder / "image-classification-shapes.json").rename(folder / "model-shapes.json")
    (folder / "synset.txt").write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\nfox\r\n")
    shutil.make_archive(str(tmp_path / "model"), "gztar", folder)
    served = published(tmp_path, "classifier", tmp_path / "model.tar.gz")
    with client.loaded("classifier", served):
        answers = [
            client.invoke("classifier", encoded_image("PNG"), kind).json()
            for kind in ("image/png", "application/x-image", "image/jpg", "application/octet-stream")
        ]
    assert all(answer == answers[0] for answer in answers)
    (scores,) = answers[0]["outputs"]
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    best = answers[0]["labels"][0][0]
    assert best["label"] == ("cat", "dog", "fox")[int(np.argmax(scores))]


def face_network():
    layer = S.var("data")
    for number, filters in enumerate((4, 8)):
        layer = S.Convolution(layer, kernel=(3, 3), num_filter=filters, no_bias=True, name=f"conv{number}")
        layer = S.BatchNorm(layer, fix_gamma=False, eps=2e-5, name=f"bn{number}")
        layer = S.LeakyReLU(layer, act_type="prelu", name=f"relu{number}")
    layer = S.FullyConnected(S.Dropout(S.BatchNorm(layer, fix_gamma=False, name="bn")), num_hidden=16, name="pre_fc1")
    return S.BatchNorm(layer, fix_gamma=True, name="fc1")


@pytest.mark.parametrize("converted", [False, True])
def test_a_face_network_with_prelu(client: Client, tmp_path: Path, converted: bool) -> None:
    folder = save_checkpoint(tmp_path / "made", face_network(), (1, 3, 16, 16), name="model")
    signature = {"scale": 0.0078125, "mean": [0.99609375] * 3, "std": [1, 1, 1], "resize_shorter": None}
    (folder / "signature.json").write_text(json.dumps({"image": signature}))
    sample = tmp_path / "face.png"
    sample.write_bytes(encoded_image("PNG", (40, 40)))

    def convert(source: Path, destination: Path):
        return convert_to_onnx(source, destination, [sample])

    served = published(tmp_path, "face", folder, convert if converted else None)
    assert bool(list(served.glob("*.onnx"))) is converted
    with client.loaded("face", served):
        (embedding,) = client.invoke("face", sample.read_bytes(), "image/png").json()["outputs"]
    plain = mxnet.mod.Module.load(str(folder / "model"), 0, label_names=None)
    plain.bind([("data", (1, 3, 16, 16))], for_training=False)
    pixels = np.asarray(Image.open(sample).resize((16, 16), Image.Resampling.BILINEAR), np.float32)
    data = ((pixels - 127.5) * 0.0078125).transpose(2, 0, 1)[np.newaxis]
    plain.forward(mxnet.io.DataBatch([mxnet.nd.array(data)]), is_train=False)
    np.testing.assert_allclose(embedding, plain.get_outputs()[0].asnumpy()[0], atol=1e-4)


def stage(number: int):
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


def test_a_cascade_of_networks_with_its_own_code(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for number in (1, 2, 3):
        saved = save_checkpoint(tmp_path / str(number), stage(number), (1, 3, 12, 12), name=f"det{number}")
        folder.mkdir(exist_ok=True)
        shutil.copy(saved / f"det{number}-symbol.json", folder)
        shutil.copy(saved / f"det{number}-0000.params", folder / f"det{number}-0001.params")
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text(CASCADE)
    served = published(tmp_path, "mtcnn", folder)
    with client.loaded("mtcnn", served):
        reply = client.invoke("mtcnn", encoded_image("JPEG"), "image/jpeg")
    assert (reply.status, reply.headers["content-type"]) == (200, JSON)
    assert reply.json() == [[[1, 2, 10, 10], [1, 4, 10, 10]]] * 3
