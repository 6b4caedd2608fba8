import json
from pathlib import Path

import pytest

from model_catalog.errors import CatalogError
from model_catalog.inspection import inspect_folder
from tests.model_catalog.conftest import MakeModel


def complaints_of(folder: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        inspect_folder(folder)
    return "\n".join(caught.value.complaints)


def test_knows_the_engine(make_model: MakeModel, tmp_path: Path) -> None:
    assert inspect_folder(make_model()) == "mxnet"
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "net.onnx").write_bytes(b"\x08\x07")
    assert inspect_folder(tmp_path / "onnx") == "onnxruntime"


def test_an_empty_folder_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    text = complaints_of(tmp_path)
    assert "NAME-symbol.json, NAME-0000.params, NAME-shapes.json" in text
    assert "it holds notes.txt" in text


def test_a_model_further_down_is_pointed_at(make_model: MakeModel) -> None:
    folder = make_model("outer/inner")
    assert "inner/net-symbol.json lies further down" in complaints_of(folder.parent)


def test_everything_that_is_missing_is_named(make_model: MakeModel) -> None:
    folder = make_model()
    (folder / "net-0000.params").unlink()
    (folder / "net-shapes.json").unlink()
    text = complaints_of(folder)
    assert "net-0000.params is missing" in text
    assert "net-shapes.json is missing" in text


def test_everything_that_is_wrong_is_named(make_model: MakeModel) -> None:
    folder = make_model()
    (folder / "net-0000.params").write_bytes(b"PK\x03\x04")
    shapes = [{"name": "data", "shape": [1, 0]}, {"name": "other", "shape": [1]}, {"name": "data", "shape": [True]}, 5]
    (folder / "net-shapes.json").write_text(json.dumps(shapes))
    text = complaints_of(folder)
    assert "net-0000.params is not a file of MXNet parameters" in text
    assert "input data: a shape is a list of whole numbers above 0, not [1, 0]" in text
    assert "input data: a shape is a list of whole numbers above 0, not [True]" in text
    assert "input other: the network has no input of that name" in text
    assert 'entry 3: needs a "name" and a "shape"' in text


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("net-symbol.json", "{", "net-symbol.json is not valid JSON"),
        ("net-symbol.json", "{}", "net-symbol.json is not the graph of an MXNet network"),
        ("net-shapes.json", "nonsense", "net-shapes.json is not valid JSON"),
        ("net-shapes.json", "{}", "net-shapes.json must be a list of inputs"),
        ("signature.json", '{"image": {"color": "CMYK"}}', "signature.json is malformed"),
        ("other-symbol.json", "{}", "several networks where one belongs: net-symbol.json, other-symbol.json"),
        ("net.onnx", "x", "several networks where one belongs: net-symbol.json, net.onnx"),
    ],
)
def test_a_wrong_file_is_named(make_model: MakeModel, file: str, content: str, complaint: str) -> None:
    folder = make_model()
    (folder / file).write_text(content)
    assert complaint in complaints_of(folder)


def test_an_empty_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    assert "net.onnx is empty" in complaints_of(tmp_path)
