"""Both engines give MXNet's own predictions, share memory safely, and word what is wrong with an artifact."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.model_server.artifact.contents import read_artifact
from container.model_server.errors import InvalidArtifact
from container.model_server.worker.engines.mxnet_engine import MxnetEngine
from container.model_server.worker.engines.mxnet_params import MappedParameters, UnknownParametersFormat
from container.model_server.worker.engines.onnx_engine import OnnxEngine
from model_catalog.onnx_export import export_checkpoint
from tests.support.checkpoints import dense_network, image_network, save_checkpoint


@pytest.fixture(scope="module")
def engine() -> MxnetEngine:
    return MxnetEngine()


def direct(mx, directory: Path, data: np.ndarray) -> np.ndarray:
    """MXNet called directly, the way its tutorials do."""
    symbol, arguments, auxiliary = mx.model.load_checkpoint(str(directory / "net"), 0)
    module = mx.mod.Module(symbol, label_names=None)
    module.bind([("data", data.shape)], for_training=False)
    module.set_params(arguments, auxiliary, allow_missing=True)
    module.forward(mx.io.DataBatch([mx.nd.array(data)]), is_train=False)
    return module.get_outputs()[0].asnumpy()


def images(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).normal(size=(1, 3, 32, 32)).astype(np.float32)


def test_models_that_share_memory_do_not_disturb_each_other(engine: MxnetEngine, mx, tmp_path: Path) -> None:
    """Same graph, another graph, weights dropped after the first run, neighbours unloaded: always the same answer."""
    folders = [save_checkpoint(tmp_path / str(seed), image_network(), (1, 3, 32, 32), seed) for seed in range(4)]
    folders.append(save_checkpoint(tmp_path / "dense", dense_network(), (1, 4)))
    inputs = [images(seed) for seed in range(4)] + [np.ones((1, 4), np.float32)]
    expected = [direct(mx, folder, data) for folder, data in zip(folders, inputs, strict=True)]
    models = []
    for folder, data in zip(folders, inputs, strict=True):
        models.append(engine.load(read_artifact(folder)))
        models[-1].predict({"data": data})
        models[-1].settle()
    order = np.random.RandomState(1).permutation(5 * 6) % 5
    for index in order:
        (output,) = models[index].predict({"data": inputs[index]}).values()
        np.testing.assert_allclose(output, expected[index], atol=1e-6)
    for index in (0, 2):
        models[index].close()
    models[0] = engine.load(read_artifact(folders[0]))
    for index in (1, 0, 3, 4, 1):
        (output,) = models[index].predict({"data": inputs[index]}).values()
        np.testing.assert_allclose(output, expected[index], atol=1e-6)


def test_models_of_one_graph_share_it_and_outlive_each_other(engine: MxnetEngine, models, mx) -> None:
    first = engine.load(read_artifact(models["image"]))
    second = engine.load(read_artifact(models["image"]))
    assert second.symbol is first.symbol
    data = {spec.name: np.ones(spec.shape, spec.dtype) for spec in first.inputs}
    expected = first.predict(data)
    first.close()
    del first
    third = engine.load(read_artifact(models["image"]))
    for model in (second, third):
        for name, output in model.predict(data).items():
            np.testing.assert_array_equal(output, expected[name])


def test_onnx_runtime_agrees_with_mxnet(mx, tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "net", image_network(), (1, 3, 32, 32))
    (tmp_path / "onnx").mkdir()
    export_checkpoint(read_artifact(folder), tmp_path / "onnx" / "net.onnx")
    model = OnnxEngine(threads=1).load(read_artifact(tmp_path / "onnx"))
    assert [(spec.name, spec.shape) for spec in model.inputs] == [("data", (1, 3, 32, 32))]
    for seed in range(3):
        (output,) = model.predict({"data": images(seed)}).values()
        np.testing.assert_allclose(output, direct(mx, folder, images(seed)), atol=1e-5)


def test_an_onnx_model_with_an_open_batch_takes_all_instances_at_once(tmp_path: Path) -> None:
    folder = open_model(tmp_path / "model", ["N", 4])
    model = OnnxEngine(threads=1).load(read_artifact(folder))
    (output,) = model.predict({"x": np.ones((3, 4), np.float32)}).values()
    np.testing.assert_array_equal(output, np.full((3, 4), 2))


def test_an_open_shape_has_to_be_said(tmp_path: Path) -> None:
    folder = open_model(tmp_path / "model", ["N", "M"])
    with pytest.raises(InvalidArtifact, match=r"open shape \[1, 'M'\]; say its sizes in net-shapes\.json"):
        OnnxEngine(threads=1).load(read_artifact(folder))
    (folder / "net-shapes.json").write_text('[{"name": "x", "shape": [1, 2]}]')
    model = OnnxEngine(threads=1).load(read_artifact(folder))
    assert model.predict({"x": np.ones((3, 2), np.float32)})["y"].shape == (3, 2)


def open_model(directory: Path, shape: list[int | str]) -> Path:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, shape)],
    )
    directory.mkdir()
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), str(directory / "net.onnx"))
    return directory


def test_a_damaged_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07garbage")
    with pytest.raises(InvalidArtifact, match=r"ONNX Runtime could not load net\.onnx"):
        OnnxEngine(threads=1).load(read_artifact(tmp_path))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ('[{"name": "datum", "shape": [1, 4]}]', "the shapes name datum"),
        ('[{"name": "data", "shape": [1, 5]}]', "MXNet could not load"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(engine, models, tmp_path: Path, shapes: str, message: str) -> None:
    folder = copied(models["dense"], tmp_path)
    (folder / "net-shapes.json").write_text(shapes)
    with pytest.raises(InvalidArtifact, match=message):
        engine.load(read_artifact(folder)).predict({"data": np.ones((1, 5), np.float32)})


def test_missing_weights_are_named(engine: MxnetEngine, models, mx, tmp_path: Path) -> None:
    folder = copied(models["dense"], tmp_path)
    saved = mx.nd.load(str(folder / "net-0000.params"))
    saved.pop("arg:output_weight")
    mx.nd.save(str(folder / "net-0000.params"), saved)
    with pytest.raises(InvalidArtifact, match="lacks: output_weight"):
        engine.load(read_artifact(folder))


def test_an_unknown_operator_is_refused(engine: MxnetEngine, models, tmp_path: Path) -> None:
    folder = copied(models["dense"], tmp_path)
    graph = folder / "net-symbol.json"
    graph.write_text(graph.read_text().replace("FullyConnected", "NoSuchLayer"))
    with pytest.raises(InvalidArtifact, match=r"MXNet could not load net-symbol\.json.*NoSuchLayer"):
        engine.load(read_artifact(folder))


def copied(source: Path, target: Path) -> Path:
    folder = target / "copy"
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_mapped_parameters_are_those_mxnet_reads(models, mx) -> None:
    file = models["image"] / "net-0000.params"
    mapped = MappedParameters(file)
    read = mx.nd.load(str(file))
    assert mapped.arrays.keys() == read.keys()
    for name, array in mapped.arrays.items():
        np.testing.assert_array_equal(array, read[name].asnumpy())
    first = next(iter(mapped.arrays.values()))
    before = first.copy()
    mapped.release_pages()
    np.testing.assert_array_equal(first, before)


def test_weights_that_were_written_to_are_kept(models) -> None:
    file = models["image"] / "net-0000.params"
    mapped = MappedParameters(file)
    first = next(iter(mapped.arrays.values()))
    first.flat[0] = 42
    mapped.release_pages()
    assert first.flat[0] == 42
    assert next(iter(MappedParameters(file).arrays.values())).flat[0] != 42


def test_a_file_of_another_version_is_left_to_mxnet(models, tmp_path: Path, engine: MxnetEngine, mx) -> None:
    with pytest.raises(UnknownParametersFormat):
        MappedParameters(written(tmp_path, struct.pack("<QQQIi", 0x112, 0, 1, 0xF993FAC8, 0)))
    folder = copied(models["dense"], tmp_path)
    saved = mx.nd.load(str(folder / "net-0000.params"))
    saved["arg:unused"] = mx.nd.ones((2, 2)).tostype("row_sparse")
    mx.nd.save(str(folder / "net-0000.params"), saved)
    model = engine.load(read_artifact(folder))
    data = np.ones((1, 4), np.float32)
    np.testing.assert_allclose(model.predict({"data": data})["softmax_output"], direct(mx, models["dense"], data))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "net-0000.params"
    path.write_bytes(content)
    return path


@settings(max_examples=200, deadline=None, derandomize=True)
@given(cut=st.integers(0, 2000), flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), max_size=4))
def test_a_damaged_parameter_file_never_does_more_than_be_refused(models, tmp_path_factory, cut: int, flips) -> None:
    content = bytearray((models["dense"] / "net-0000.params").read_bytes())
    for position, value in flips:
        content[position % len(content)] ^= value
    path = written(tmp_path_factory.mktemp("params"), bytes(content[: max(0, len(content) - cut)]))
    try:
        MappedParameters(path)
    except (InvalidArtifact, UnknownParametersFormat):
        pass
    else:
        assert cut == 0
