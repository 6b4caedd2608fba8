"""Labels stay with their classes, however the file was written."""

import codecs
import json
from pathlib import Path

import numpy as np
import pytest

from container.model_server.artifact.labels import read_labels
from container.model_server.errors import InvalidArtifact
from container.model_server.worker.formats.encode import encode_response
from tests.container.served import JSON, ask, load
from tests.support.networks import save_identity


@pytest.mark.parametrize(
    "content",
    [
        b"cat\ndog\nfox",
        b"cat\r\ndog\r\nfox\r\n",
        b"cat\rdog\rfox\r",
        b"cat\ndog\r\nfox\n\n\n",
        codecs.BOM_UTF8 + b"cat\ndog\nfox\n",
        codecs.BOM_UTF16_LE + "cat\r\ndog\r\nfox\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "cat\ndog\nfox".encode("utf-16-be"),
    ],
)
def test_lines_however_they_end(content: bytes) -> None:
    assert read_labels(content, "synset.txt") == ("cat", "dog", "fox")


def test_only_line_ends_end_a_line() -> None:
    assert read_labels("a\x0bb\nc\x0cd\ne\u2028f\ng\x85h".encode(), "synset.txt") == (
        "a\x0bb",
        "c\x0cd",
        "e\u2028f",
        "g\x85h",
    )


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xff"])
def test_no_labels_at_all_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidArtifact, match=r"synset\.txt (holds no label|is not UTF-8 text)"):
        read_labels(content, "synset.txt")


def labelled(tmp_path: Path, text: str, shape: tuple = ("N", 3)) -> list[str]:
    folder = save_identity(tmp_path, "float32", shape)
    (folder / "synset.txt").write_text(text)
    return [entry["label"] for entry in json.loads(ask(load(folder), [[1, 2, 3]], JSON))["labels"][0]]


def test_a_blank_line_is_a_class_without_a_label(tmp_path: Path) -> None:
    assert labelled(tmp_path, "cat\n\nfox\n") == ["fox", "1", "cat"]


def test_blank_lines_between_labels_for_all_classes_divide_them(tmp_path: Path) -> None:
    assert labelled(tmp_path, "cat\n\ndog\n\nfox\n") == ["fox", "dog", "cat"]


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("cat\ndog\n", ("N", 3), "synset.txt has 2 labels, but the output has 3 values an instance"),
        ("a\nb\nc\nd\n", ("N", 3), "synset.txt has 4 labels, but the output has 3"),
        ("a\n", ("N",), "take synset.txt out"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, text: str, shape: tuple, message: str) -> None:
    folder = save_identity(tmp_path, "float32", shape)
    (folder / "synset.txt").write_text(text)
    with pytest.raises(InvalidArtifact, match=message):
        load(folder)


@pytest.mark.parametrize("dtype", ["uint8", "uint64", "int8", "float16"])
def test_the_best_labels_of_scores_of_any_type(dtype: str) -> None:
    """Zero is the lowest of unsigned numbers, and equal scores come in the order of their index."""
    scores = np.array([[3, 0, 100, 3]], dtype)
    best = json.loads(encode_response({"y": scores}, ("a", "b", "c", "d"), JSON))["labels"][0]
    assert [entry["label"] for entry in best] == ["c", "a", "d", "b"]
    lowest = np.array([[-128, 0]], np.int8)
    assert json.loads(encode_response({"y": lowest}, ("a", "b"), JSON))["labels"][0][0]["label"] == "b"
