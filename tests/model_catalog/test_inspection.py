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
    assert inspect_folder(make_model()).engine == "mxnet"
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "net.onnx").write_bytes(b"\x08\x07")
    assert inspect_folder(tmp_path / "onnx").engine == "onnxruntime"


def test_an_empty_folder_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    text = complaints_of(tmp_path)
    assert "<name>-symbol.json with <name>-0000.params and <name>-shapes.json" in text
    assert "it holds notes.txt" in text


def test_one_folder_around_everything_is_looked_into(make_model: MakeModel) -> None:
    folder = make_model("outer/inner")
    (folder.parent / ".DS_Store").touch()
    assert inspect_folder(folder.parent).directory == folder


def test_a_model_further_down_is_pointed_at(make_model: MakeModel) -> None:
    folder = make_model("outer/inner")
    (folder.parent / "README").touch()
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
    (folder / "net-0000.params").write_bytes(b"")
    shapes = [{"name": "data", "shape": [1, 0]}, {"name": "other", "shape": [True]}, 5]
    (folder / "net-shapes.json").write_text(json.dumps(shapes))
    (folder / "signature.json").write_text('{"image": {"color": "CMYK"}}')
    text = complaints_of(folder)
    for complaint in (
        "net-0000.params is empty",
        "0: Value error, every dimension of 'data' must be at least 1, got [1, 0]",
        "1.shape.0: Input should be a valid integer",
        "2: Input should be",
        "signature.json is malformed: image.color",
    ):
        assert complaint in text


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("net-shapes.json", "nonsense", "net-shapes.json is malformed: Invalid JSON"),
        ("net-shapes.json", "{}", "net-shapes.json is malformed: Input should be a valid array"),
        ("net-0000.params", "version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        ("net-0000.params", "<!DOCTYPE html><html>404", "is a web page"),
        ("other-symbol.json", "{}", "must hold one model, but has net-symbol.json, other-symbol.json"),
        ("net.onnx", "x", "must hold one model, but has net-symbol.json, net.onnx"),
        ("net-00.params", "x", "net-00.params and net-0000.params are both of epoch 0"),
        ("inference.py", "x", "inference.py lies at the top level, where it is not run: move it to code/inference.py"),
    ],
)
def test_a_wrong_file_is_named(make_model: MakeModel, file: str, content: str, complaint: str) -> None:
    folder = make_model()
    (folder / file).write_text(content)
    assert complaint in complaints_of(folder)


def test_an_empty_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    assert "net.onnx is empty" in complaints_of(tmp_path)
