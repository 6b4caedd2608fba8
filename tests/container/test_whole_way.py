"""Models that people bring, from `add` to the answer of a server. Their way to the endpoint is an end-to-end test."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from container.model_server.artifact.archive import extract_archive
from model_catalog.catalog import Catalog
from model_catalog.check import Check
from model_catalog.conversion import convert_to_onnx
from tests.container.clients import Client
from tests.container.conftest import encoded_image
from tests.support.brought_models import CASCADE_ANSWER, cascade_folder, classifier_archive, face_folder
from tests.support.checkpoints import mxnet

JSON = "application/json"


def published(tmp_path: Path, name: str, source: Path, convert=None) -> Path:
    """What a server gets of a model: the artifact that `add` packed, extracted."""
    catalog = Catalog(tmp_path / "catalog")
    version = catalog.add(name, source, convert=convert, check=Check()).version
    extract_archive(catalog.directory / version.artifact, tmp_path / "served" / name)
    return tmp_path / "served" / name


def test_an_image_classifier_of_sagemakers_own_algorithm(client: Client, tmp_path: Path) -> None:
    served = published(tmp_path, "classifier", classifier_archive(tmp_path))
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


@pytest.mark.parametrize("converted", [False, True])
def test_a_face_network_with_prelu(client: Client, tmp_path: Path, converted: bool) -> None:
    folder = face_folder(tmp_path)
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


def test_a_cascade_of_networks_with_its_own_code(client: Client, tmp_path: Path) -> None:
    served = published(tmp_path, "mtcnn", cascade_folder(tmp_path))
    with client.loaded("mtcnn", served):
        reply = client.invoke("mtcnn", encoded_image("JPEG"), "image/jpeg")
    assert (reply.status, reply.headers["content-type"]) == (200, JSON)
    assert reply.json() == CASCADE_ANSWER
