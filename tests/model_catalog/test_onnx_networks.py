"""Networks that MXNet's exporter, left alone, refuses or converts to another function."""

import json
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest

from model_catalog.conversion import convert_to_onnx
from model_catalog.errors import CatalogError
from tests.support.checkpoints import mxnet, save_checkpoint_of

Shapes = dict[str, tuple[int, ...]]
FLAT: Shapes = {"data": (2, 4)}
IMAGE: Shapes = {"data": (1, 3, 8, 8)}


def dense(data, name: str, size: int = 3):
    return mxnet.sym.FullyConnected(data, num_hidden=size, name=name)


def two_losses(data):
    return mxnet.sym.Group([mxnet.sym.SoftmaxOutput(dense(data, f"{name}_in"), name=name) for name in ("b", "a")])


def loss_in_the_middle(data):
    return dense(mxnet.sym.SoftmaxOutput(dense(data, "first"), name="middle"), "last")


def own_label(data):
    return mxnet.sym.SoftmaxOutput(dense(data, "first"), label=mxnet.sym.var("my_label"), name="out")


def later_output_first(data):
    hidden = mxnet.sym.relu(dense(data, "first"), name="hidden")
    return mxnet.sym.Group([mxnet.sym.tanh(hidden, name="top"), hidden])


def parts_in_another_order(data):
    parts = mxnet.sym.SliceChannel(dense(data, "first"), num_outputs=3, axis=1, name="part")
    return mxnet.sym.Group([parts[2], parts[0], parts[1]])


def fixed_gamma(data):
    return mxnet.sym.BatchNorm(data, name="norm", fix_gamma=True)


def gamma_fixed_by_default(data):
    return mxnet.sym.BatchNorm(data, name="norm")


def dense_on_an_image(data):
    return dense(data, "only")


def mean_of_axes(data):
    return mxnet.sym.mean(data, axis=(2, 3))


def largest_of_an_axis(data):
    return mxnet.sym.max(data, axis=1)


def save(root: Path, symbol, shapes: Shapes) -> tuple[Path, Path]:
    """The folder of a checkpoint with random weights, and a sample of three instances."""
    folder, sample = save_checkpoint_of(root / "net", symbol, shapes), root / "sample.json"
    random = np.random.RandomState(2)
    instances = [{name: random.rand(*shape[1:]).tolist() for name, shape in shapes.items()} for _ in range(3)]
    sample.write_text(json.dumps({"instances": instances}))
    return folder, sample


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (two_losses, FLAT),
        (loss_in_the_middle, FLAT),
        (own_label, FLAT),
        (later_output_first, FLAT),
        (parts_in_another_order, FLAT),
        (fixed_gamma, IMAGE),
        (gamma_fixed_by_default, IMAGE),
        (dense_on_an_image, IMAGE),
        (mean_of_axes, IMAGE),
        (largest_of_an_axis, IMAGE),
    ],
)
def test_the_function_and_the_outputs_names_stay(network, shapes: Shapes, tmp_path: Path) -> None:
    symbol = network(mxnet.sym.var("data"))
    folder, sample = save(tmp_path, symbol, shapes)
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference <= 1e-6
    graph = onnx.load(str(tmp_path / "onnx" / "net.onnx")).graph
    assert [value.name for value in graph.output] == symbol.list_outputs()
    assert [value.name for value in graph.input] == ["data"]


def test_inputs_stand_in_the_order_of_the_shapes_file(tmp_path: Path) -> None:
    first, second = mxnet.sym.var("first"), mxnet.sym.var("second")
    symbol = dense(mxnet.sym.concat(first, second * 2, dim=1), "only")
    folder, sample = save(tmp_path, symbol, {"second": (2, 4), "first": (2, 3)})
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference <= 1e-6
    graph = onnx.load(str(tmp_path / "onnx" / "net.onnx")).graph
    assert [value.name for value in graph.input] == ["second", "first"]


def test_an_output_that_the_exporter_leaves_out_is_named(tmp_path: Path) -> None:
    parts = mxnet.sym.SliceChannel(mxnet.sym.var("data"), num_outputs=12, axis=1, name="part")
    folder, sample = save(tmp_path, parts, {"data": (1, 12)})
    with pytest.raises(CatalogError, match="the exporter leaves out the output part_output10"):
        convert_to_onnx(folder, tmp_path / "onnx", [sample])


def test_logging_and_onnx_are_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    rules = onnx.checker.DEFAULT_CONTEXT.opset_imports
    folder, sample = save(tmp_path, mean_of_axes(mxnet.sym.var("data")), IMAGE)
    convert_to_onnx(folder, tmp_path / "onnx", [sample])
    assert logging.root.handlers == []
    assert onnx.checker.DEFAULT_CONTEXT.opset_imports == rules


def test_an_output_fn_for_mxnets_arrays_is_refused(tmp_path: Path) -> None:
    """The server gives it an MXNet array before the conversion and a numpy array after."""
    folder, sample = save(tmp_path, dense(mxnet.sym.var("data"), "only"), FLAT)
    (folder / "code").mkdir()
    code = folder / "code" / "inference.py"
    code.write_text("def output_fn(prediction, accept):\n    return str(prediction.asnumpy())\n")
    with pytest.raises(CatalogError, match=r"output_fn uses asnumpy of MXNet's arrays"):
        convert_to_onnx(folder, tmp_path / "refused", [sample])
    code.write_text("def input_fn(body, kind):\n    return mx.image.imdecode(body).asnumpy()\n")
    convert_to_onnx(folder, tmp_path / "onnx", [sample])


def test_what_is_hidden_is_not_copied_and_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    folder, sample = save(tmp_path, dense(mxnet.sym.var("data"), "only"), FLAT)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").touch()
    (folder / "link.txt").symlink_to("net-shapes.json")
    convert_to_onnx(folder, tmp_path / "onnx", [sample])
    assert {path.name for path in (tmp_path / "onnx").iterdir()} == {"net.onnx", "net-shapes.json", "link.txt"}
    assert not (tmp_path / "onnx" / "link.txt").is_symlink()
    (folder / "outside.txt").symlink_to(sample)
    with pytest.raises(CatalogError, match=r"'outside\.txt' points outside the model's folder"):
        convert_to_onnx(folder, tmp_path / "refused", [sample])
    assert not (tmp_path / "refused").exists()


def test_parameters_without_prefixes_are_converted(tmp_path: Path) -> None:
    folder, sample = save(tmp_path, dense(mxnet.sym.var("data"), "only"), FLAT)
    file = str(folder / "net-0000.params")
    mxnet.nd.save(file, {name[4:]: values for name, values in mxnet.nd.load(file).items()})
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference <= 1e-6
