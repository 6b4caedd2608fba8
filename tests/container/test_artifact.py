"""What an artifact's folder may look like, and how each mistake is worded."""

import json
import shutil
from pathlib import Path

import pytest

from container.model_server.artifact.contents import check_json, read_artifact
from container.model_server.errors import InvalidArtifact

SHAPES = json.dumps([{"name": "data", "shape": [1, 3, 224, 224]}])


def folder(tmp_path: Path, **files: str) -> Path:
    root = tmp_path / "model"
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_params", ".params").replace("_json", ".json")
        path = path.with_name(path.name.replace("_onnx", ".onnx").replace("_txt", ".txt").replace("_py", ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def checkpoint(tmp_path: Path, **more: str) -> Path:
    files = {"net-symbol_json": "{}", "net-0000_params": "p", "net-shapes_json": SHAPES}
    return folder(tmp_path, **(files | more))


def test_an_mxnet_checkpoint(tmp_path: Path) -> None:
    artifact = read_artifact(checkpoint(tmp_path, synset_txt="n1 cat\n\nn2 dog\n"))
    assert artifact.engine == "mxnet"
    assert artifact.graph is not None and artifact.graph.name == "net-symbol.json"
    assert [(spec.name, spec.shape) for spec in artifact.inputs] == [("data", (1, 3, 224, 224))]
    assert artifact.labels == ("n1 cat", "", "n2 dog")
    assert artifact.size_bytes == len("{}p" + SHAPES + "n1 cat\n\nn2 dog\n")


def test_the_last_epoch_is_taken(tmp_path: Path) -> None:
    artifact = read_artifact(checkpoint(tmp_path, **{"net-0012_params": "q", "net-best_params": "r"}))
    assert artifact.parameters is not None and artifact.parameters.name == "net-0012.params"


def test_the_last_epoch_is_the_highest_number(tmp_path: Path) -> None:
    more = {"net-9999_params": "q", "net-10000_params": "r", "other-20000_params": "s"}
    artifact = read_artifact(checkpoint(tmp_path, **more))
    assert artifact.parameters is not None and artifact.parameters.name == "net-10000.params"


def test_an_onnx_model_needs_no_shapes(tmp_path: Path) -> None:
    artifact = read_artifact(folder(tmp_path, net_onnx="x"))
    assert (artifact.engine, artifact.inputs) == ("onnxruntime", ())


def test_code_alone_is_a_model(tmp_path: Path) -> None:
    artifact = read_artifact(folder(tmp_path, code__inference_py="def model_fn(d): ..."))
    assert artifact.engine is None and artifact.code is not None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme_txt": "x"}, "holds no model"),
        ({"net-symbol_json": "{}"}, "net-0000.params is missing"),
        ({"net-symbol_json": "{}", "net-0000_params": "p"}, "net-shapes.json is missing"),
        ({"net-symbol_json": "{}", "net-0000_params": "p", "net-shapes_json": "{"}, "net-shapes.json is malformed"),
        ({"net-symbol_json": "{}", "net-0000_params": "p", "net-shapes_json": "[]"}, "at least one"),
        (
            {"net-symbol_json": "{}", "net-0000_params": "p", "net-shapes_json": '[{"name": "d", "shape": [0, 3]}]'},
            "at least 1",
        ),
        ({"a_onnx": "x", "b_onnx": "y"}, "must hold one model"),
        ({"a_onnx": "x", "net-symbol_json": "{}"}, "must hold one model"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArtifact, match=message):
        read_artifact(folder(tmp_path, **files))


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("{", "signature.json is malformed"),
        ('{"image": {"layout": "HWC"}}', "layout"),
        ('{"image": {"mean": [1]}}', "mean must have 3"),
        ('{"image": {"std": [1, 0, 1]}}', "above 0"),
        ('{"image": {"sclae": 1}}', "sclae"),
        ('{"images": {"scale": 1}}', "images: Extra inputs are not permitted"),
        ("version https://git-lfs.github.com/spec/v1", "signature.json is a pointer of Git LFS"),
        ('{"image": {"layout": "NHWC"}}', "does not fit the shapes"),
        ('{"image": {"color": "GRAY", "mean": [0], "std": [1]}}', "does not fit the shapes"),
    ],
)
def test_a_wrong_signature_is_named(tmp_path: Path, signature: str, message: str) -> None:
    with pytest.raises(InvalidArtifact, match=message):
        read_artifact(checkpoint(tmp_path, signature_json=signature))


def test_a_signature_of_the_model_archiver_is_left_alone(tmp_path: Path) -> None:
    text = '{"inputs": [{"data_name": "data", "data_shape": [0, 3, 224, 224]}], "input_type": "image/jpeg"}'
    assert read_artifact(checkpoint(tmp_path, signature_json=text)).image is None


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    root = checkpoint(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (root / "synset.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidArtifact, match=r"'synset\.txt' points outside"):
        read_artifact(root)
    shutil.rmtree(root)
    with pytest.raises(InvalidArtifact, match="there is no folder"):
        read_artifact(root)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nodes": 1}', "[" * 100_000])
def test_a_graph_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net-symbol.json"
    path.write_text(text)
    with pytest.raises(InvalidArtifact, match=r"net-symbol\.json is (not|empty)"):
        check_json(path)
