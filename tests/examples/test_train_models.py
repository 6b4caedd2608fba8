import dataclasses
import json
import sys
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from container.model_server.artifact.contents import read_artifact
from container.model_server.worker.formats.preprocess import image_to_tensor
from examples import datasets, train_models
from examples.train_models import RECIPES, TrainedModel, TrainingError, main, predict, train_model
from model_catalog.catalog import Catalog

# MXNet 1.9.1 asks SciPy for csr_matrix at its old place whenever it reads an array.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")

FASTEST = "breast-cancer"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    folder = tmp_path_factory.mktemp("trained")
    return train_model(FASTEST, folder, folder / "samples")


def test_reaches_its_accuracy(trained: TrainedModel) -> None:
    assert trained.accuracy >= RECIPES[FASTEST].required_accuracy >= 0.95
    data = datasets.breast_cancer()
    predicted = predict(trained.directory, FASTEST, data.held_out_inputs).argmax(axis=1)
    assert (predicted == data.held_out_classes).mean() == trained.accuracy


def test_the_checkpoint_is_one_that_the_server_takes(trained: TrainedModel) -> None:
    artifact = read_artifact(trained.directory)
    assert artifact.engine == "mxnet"
    assert [(spec.name, spec.shape) for spec in artifact.inputs] == [("data", (1, 30))]
    assert artifact.labels == ("malignant", "benign")


def test_mxnets_own_module_gives_the_same_outputs(trained: TrainedModel) -> None:
    inputs = datasets.breast_cancer().held_out_inputs[:16]
    symbol, arguments, auxiliary = mx.model.load_checkpoint(str(trained.directory / FASTEST), 0)
    module = mx.mod.Module(symbol, label_names=None)
    module.bind([("data", inputs.shape)], for_training=False)
    module.set_params(arguments, auxiliary)
    module.forward(mx.io.DataBatch([mx.nd.array(inputs)]), is_train=False)
    outputs = module.get_outputs()[0].asnumpy()
    np.testing.assert_allclose(outputs, predict(trained.directory, FASTEST, inputs), atol=1e-6)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)


def test_training_again_gives_the_same_artifact(trained: TrainedModel, tmp_path: Path) -> None:
    again = train_model(FASTEST, tmp_path, tmp_path / "samples")
    catalog = Catalog(tmp_path / "catalog")
    catalog.add(FASTEST, trained.directory)
    assert not catalog.add(FASTEST, again.directory).is_new


def test_samples_carry_their_true_labels(trained: TrainedModel) -> None:
    assert {path.name: label for path, label in trained.samples.items()} == {
        "malignant.json": "malignant",
        "benign.json": "benign",
    }
    data = datasets.breast_cancer()
    for path, label in trained.samples.items():
        [row] = json.loads(path.read_text())["instances"]
        found = np.flatnonzero((data.held_out_inputs == np.float32(row)).all(axis=1))
        assert data.held_out_classes[found].tolist() == [data.labels.index(label)]
        assert json.loads((path.parent / "labels.json").read_text())[path.name] == label


def test_a_digits_image_is_exactly_what_the_network_is_measured_on(tmp_path: Path) -> None:
    data = datasets.digits()
    train_models._write_json(tmp_path / "signature.json", {"image": train_models._GRAY_IMAGE})
    train_models._write_json(tmp_path / "net-shapes.json", [{"name": "data", "shape": [1, 1, 8, 8]}])
    for suffix in ("symbol.json", "0000.params"):
        (tmp_path / f"net-{suffix}").write_text("{}")
    artifact = read_artifact(tmp_path)
    assert artifact.image is not None
    samples = data.write_samples(tmp_path / "samples")
    assert sorted(samples.values()) == [str(digit) for digit in range(10)]
    for path, label in samples.items():
        tensor = image_to_tensor(path.read_bytes(), "image/png", artifact.image, (1, 8, 8))
        example = data.held_out_inputs[np.argmax(data.held_out_classes == int(label))]
        np.testing.assert_allclose(tensor[0], example, atol=1e-7)


def test_training_and_held_out_examples_are_apart() -> None:
    data = datasets.digits()
    assert len(data.training_inputs) + len(data.held_out_inputs) == 1797
    assert data.training_inputs.shape[1:] == (1, 8, 8)
    assert (data.training_inputs.min(), data.training_inputs.max()) == (0, 1)
    seen = {example.tobytes() for example in data.training_inputs}
    assert not any(example.tobytes() in seen for example in data.held_out_inputs)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["train_models", *arguments])
    try:
        return main()
    except SystemExit as error:
        return int(error.code or 0)


def test_the_program_adds_to_the_catalog(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "--catalog", str(tmp_path), "--models", FASTEST) == 0
    lock = Catalog(tmp_path).lock
    assert list(lock.models) == [FASTEST]
    output = capsys.readouterr().out
    assert f"added as {lock.target_model(FASTEST)}" in output
    assert (tmp_path / "sources" / "samples" / "breast-cancer" / "benign.json").exists()


def test_a_model_that_misses_its_accuracy_is_not_added(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hopeless = dataclasses.replace(RECIPES[FASTEST], epochs=0)
    monkeypatch.setitem(RECIPES, FASTEST, dataclasses.replace(hopeless, epochs=1, learning_rate=1e-9))
    assert run(monkeypatch, "--catalog", str(tmp_path), "--models", FASTEST) == 1
    assert "but must reach 0.95" in capsys.readouterr().err
    assert not (tmp_path / "models.lock.json").exists()


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no model 'nope'; there are digits-mlp, digits-cnn, breast-cancer"):
        train_model("nope", tmp_path, tmp_path)
