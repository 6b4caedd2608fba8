"""The ONNX file of a checkpoint: its operator set, its inputs, the same bytes each time, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from container.model_server.artifact.contents import read_artifact
from model_catalog.errors import CatalogError
from model_catalog.onnx_export import OPERATOR_SET, export_checkpoint
from tests.support.checkpoints import dense_network, image_network, mxnet, save_checkpoint


def exported(folder: Path, path: Path) -> onnx.ModelProto:
    export_checkpoint(read_artifact(folder), path)
    return onnx.load(str(path))


def test_the_file_names_the_rules_its_nodes_go_by_and_takes_no_weights_as_inputs(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", image_network(), (1, 3, 32, 32))
    model = exported(folder, tmp_path / "net.onnx")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPERATOR_SET)]
    assert [value.name for value in model.graph.input] == ["data"]
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 3, 32, 32]
    assert len(model.graph.initializer) >= 8


def test_the_label_of_a_network_saved_for_training_is_no_input(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", dense_network(), (2, 4))
    assert [value.name for value in exported(folder, tmp_path / "net.onnx").graph.input] == ["data"]


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", image_network(), (1, 3, 32, 32))
    for name in ("a.onnx", "b.onnx"):
        exported(folder, tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_the_newest_epoch_is_converted_as_the_server_would_load_it(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", dense_network(), (1, 4))
    newer = {
        name: mxnet.nd.ones_like(values) for name, values in mxnet.nd.load(str(folder / "net-0000.params")).items()
    }
    mxnet.nd.save(str(folder / "net-0007.params"), newer)
    weights = {
        weight.name: onnx.numpy_helper.to_array(weight)
        for weight in exported(folder, tmp_path / "net.onnx").graph.initializer
    }
    np.testing.assert_array_equal(weights["hidden_weight"], np.ones((8, 4), np.float32))


def test_an_operator_that_onnx_does_not_have_is_named(tmp_path: Path) -> None:
    network = mxnet.sym.khatri_rao(mxnet.sym.var("data"), mxnet.sym.var("weight"))
    folder = tmp_path / "net"
    folder.mkdir()
    network.save(str(folder / "net-symbol.json"))
    mxnet.nd.save(str(folder / "net-0000.params"), {"arg:weight": mxnet.nd.ones((2, 4))})
    (folder / "net-shapes.json").write_text('[{"name": "data", "shape": [2, 4]}]')
    with pytest.raises(
        CatalogError, match=r"^net-symbol\.json cannot be converted to ONNX: No conversion function .*khatri"
    ):
        export_checkpoint(read_artifact(folder), tmp_path / "net.onnx")
