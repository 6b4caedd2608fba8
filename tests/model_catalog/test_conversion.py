"""From MXNet to ONNX: what the new artifact holds, what is compared, and every reason to refuse."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from container.model_server.artifact.contents import read_artifact
from container.model_server.worker.engines.mxnet_engine import MxnetEngine
from container.model_server.worker.engines.onnx_engine import OnnxEngine
from examples.networks import Probabilities, digits_cnn, digits_mlp, measurements_mlp
from model_catalog import conversion
from model_catalog.conversion import convert_to_onnx
from model_catalog.errors import CatalogError
from tests.support.checkpoints import dense_network, image_network, mxnet, save_checkpoint


@pytest.fixture
def image_model(tmp_path: Path) -> Path:
    folder = save_checkpoint(tmp_path / "net", image_network(), (1, 3, 32, 32))
    (folder / "synset.txt").write_text("".join(f"label {number}\n" for number in range(10)))
    (folder / "signature.json").write_text(json.dumps({"image": {"resize_shorter": 40}}))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.RandomState(3)
    for name in ("one.jpg", "two.png"):
        Image.fromarray(random.randint(0, 256, (48, 64, 3), np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no sample")
    return folder


def test_the_checkpoint_goes_and_all_else_stays(image_model: Path, pictures: Path, tmp_path: Path) -> None:
    (image_model / "code").mkdir()
    (image_model / "code" / "inference.py").write_text(
        "def output_fn(prediction, accept):\n    return str(prediction)\n"
    )
    np.save(pictures / "three.npy", np.random.RandomState(4).rand(2, 3, 32, 32).astype(np.float32))
    made = convert_to_onnx(image_model, tmp_path / "onnx", [pictures])
    kept = {path.relative_to(tmp_path / "onnx").as_posix() for path in (tmp_path / "onnx").rglob("*") if path.is_file()}
    assert kept == {"net.onnx", "net-shapes.json", "synset.txt", "signature.json", "code/inference.py"}
    assert (made.samples, made.tolerance) == (3, 1e-5)
    assert 0 <= made.largest_difference <= 1e-5
    assert made.versions.keys() == {"mxnet", "onnx", "onnxruntime"}
    assert (image_model / "net-symbol.json").is_file()


@pytest.mark.parametrize(
    ("network", "shape"),
    [(digits_mlp, (1, 1, 8, 8)), (digits_cnn, (1, 1, 8, 8)), (lambda prefix: measurements_mlp(prefix, 3), (1, 4))],
    ids=["digits_mlp", "digits_cnn", "measurements_mlp"],
)
def test_the_networks_of_the_examples_are_converted(network, shape: tuple[int, ...], tmp_path: Path) -> None:
    mxnet.random.seed(1)
    block = Probabilities(network("net_"))
    block.initialize(mxnet.init.Xavier())
    block.hybridize()
    block(mxnet.nd.ones(shape)).wait_to_read()
    folder = tmp_path / "net"
    folder.mkdir()
    block.export(str(folder / "net"))
    (folder / "net-shapes.json").write_text(json.dumps([{"name": "data", "shape": shape}]))
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps({"instances": np.random.RandomState(1).rand(3, *shape[1:]).tolist()}))
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference <= 1e-5


def test_several_inputs_keep_their_names(tmp_path: Path) -> None:
    right, left = mxnet.sym.var("right"), mxnet.sym.var("left")
    folder = tmp_path / "net"
    folder.mkdir()
    mxnet.sym.broadcast_sub(right, left * 2).save(str(folder / "net-symbol.json"))
    mxnet.nd.save(str(folder / "net-0000.params"), {"arg:unused": mxnet.nd.ones((1,))})
    shapes = [{"name": "left", "shape": [1, 2]}, {"name": "right", "shape": [1, 2]}]
    (folder / "net-shapes.json").write_text(json.dumps(shapes))
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps({"instances": [{"left": [1, 2], "right": [3, 5]}]}))
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference == 0
    model = OnnxEngine(threads=1).load(read_artifact(tmp_path / "onnx"))
    arrays = {"left": np.array([[1, 2]], np.float32), "right": np.array([[3, 5]], np.float32)}
    (output,) = model.predict(arrays).values()
    np.testing.assert_array_equal(output, [[1, 1]])


def softmax(**options):
    return lambda data: mxnet.sym.SoftmaxOutput(data, name="out", **options)


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (softmax(), (2, 4)),
        (softmax(multi_output=True), (2, 3, 4)),
        (softmax(preserve_shape=True), (2, 3, 4)),
        (lambda data: mxnet.sym.LogisticRegressionOutput(data, name="out"), (2, 4)),
        (lambda data: mxnet.sym.LinearRegressionOutput(data, name="out"), (2, 4)),
        (lambda data: mxnet.sym.MAERegressionOutput(data, name="out"), (2, 4)),
    ],
)
def test_networks_saved_for_training_answer_without_their_losses(loss, shape: tuple[int, ...], tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", loss(mxnet.sym.var("data") * 2), shape)
    sample = tmp_path / "sample.npy"
    np.save(sample, np.random.RandomState(1).normal(size=shape).astype(np.float32))
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference <= 1e-6


def complaints(folder: Path, destination: Path, samples: list[Path], tolerance: float = 1e-5) -> str:
    with pytest.raises(CatalogError) as caught:
        convert_to_onnx(folder, destination, samples, tolerance)
    return "\n".join(caught.value.complaints)


def test_outputs_that_differ_are_refused(
    image_model: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = complaints(image_model, tmp_path / "exact", [pictures], tolerance=1e-30)
    assert f"sample {pictures / 'one.jpg'}: output output_output of the converted network differs by " in text
    assert "from MXNet's; 1e-30 is allowed." in text
    other = save_checkpoint(tmp_path / "other", image_network(), (1, 3, 32, 32), seed=9)
    export = conversion.export_checkpoint
    monkeypatch.setattr(conversion, "export_checkpoint", lambda _, path: export(read_artifact(other), path))
    assert len(complaints(image_model, tmp_path / "wrong", [pictures]).splitlines()) == 2


def test_an_output_that_is_not_finite_is_a_difference(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", mxnet.sym.log(mxnet.sym.var("data"), name="log"), (1, 2))
    sample = tmp_path / "sample.json"
    sample.write_text("[[1, -1]]")
    assert "differs by inf from MXNet's" in complaints(folder, tmp_path / "onnx", [sample])


def test_every_reason_is_given_at_once(image_model: Path, tmp_path: Path) -> None:
    (image_model / "code").mkdir()
    code = image_model / "code" / "inference.py"
    code.write_text("from helpers import predict_fn\ntransform_fn = None\nasync def model_fn(d): ...\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "sample.gif").touch()
    samples = [tmp_path / "empty", tmp_path / "sample.gif", tmp_path / "none"]
    text = complaints(image_model, tmp_path / "onnx", samples, tolerance=math.nan)
    for part in (
        f"{tmp_path / 'empty'} holds no samples",
        f"sample {tmp_path / 'sample.gif'} is not one of .jpg",
        f"sample {tmp_path / 'none'}: there is no such file or folder.",
        "code/inference.py defines model_fn, predict_fn, transform_fn, which was written for MXNet's checkpoint.",
        "the tolerance must be above 0, not nan.",
    ):
        assert part in text
    assert not (tmp_path / "onnx").exists()
    code.write_text("from helpers import *\n")
    assert "defines model_fn" in complaints(image_model, tmp_path / "onnx", samples)
    code.write_text("def input_fn(:\n")
    assert "code/inference.py cannot be read as Python" in complaints(image_model, tmp_path / "onnx", samples)


def test_real_inputs_are_needed(image_model: Path, tmp_path: Path) -> None:
    assert "give at least one sample" in complaints(image_model, tmp_path / "onnx", [])


def test_samples_that_are_no_inputs_are_all_named(image_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "b.json").write_text("[[1, 2]]")
    text = complaints(image_model, tmp_path / "onnx", [tmp_path / "a.jpg", tmp_path / "b.json"])
    assert f"sample {tmp_path / 'a.jpg'}: the body is not a readable JPEG image" in text
    assert f"sample {tmp_path / 'b.json'}: 'data': expected shape [N, 3, 32, 32]" in text


def test_only_checkpoints_are_converted(image_model: Path, pictures: Path, tmp_path: Path) -> None:
    convert_to_onnx(image_model, tmp_path / "onnx", [pictures])
    text = complaints(tmp_path / "onnx", tmp_path / "again", [pictures])
    assert text == "there is no MXNet checkpoint to convert."
    (tmp_path / "nothing").mkdir()
    assert "the artifact holds no model" in complaints(tmp_path / "nothing", tmp_path / "again", [pictures])


def test_the_new_artifact_answers_as_the_checkpoint_does(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", dense_network(), (2, 4))
    sample = tmp_path / "sample.json"
    sample.write_text("[[1, 2, 3, 4], [4, 3, 2, 1], [0, 1, 0, 1]]")
    convert_to_onnx(folder, tmp_path / "onnx", [sample])
    data = {"data": np.random.RandomState(5).rand(5, 4).astype(np.float32)}
    (expected,) = MxnetEngine().load(read_artifact(folder)).predict(data).values()
    (found,) = OnnxEngine(threads=1).load(read_artifact(tmp_path / "onnx")).predict(data).values()
    np.testing.assert_allclose(found, expected, atol=1e-6)
