"""Each content type that requests may have, and what is said of those that are refused."""

import gzip
import io
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from container.model_server.artifact.files import LEFT_BEHIND
from container.model_server.artifact.signature import ElementType
from container.model_server.errors import InvalidInput, RequestTooLarge, UnsupportedContentType
from container.model_server.worker.formats.decode import BYTES, CONTENT_TYPES, MAX_EXPANDED_BYTES
from container.model_server.worker.formats.encode import ACCEPTS
from container.model_server.worker.loading import Model
from tests.container.clients import Client
from tests.container.served import CSV, JSON, JSON_LINES, NPY, ask, load, npy, outputs
from tests.support.networks import node, save_identity, save_linear, save_network, tensor

README = Path(__file__).parents[2] / "container" / "README.md"
ROWS = [[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, 0.0, 1.0]]
BODIES = {
    JSON: [
        json.dumps(body).encode() for body in (ROWS, {"instances": ROWS}, {"inputs": ROWS}, {"inputs": {"x": ROWS}})
    ],
    NPY: [npy(np.array(ROWS)), npy(np.array(ROWS, np.float16))],
    CSV: [b"1,2,3,4\n0.5,0,0,1", b"\xef\xbb\xbf1.0, 2.0,3e0,+4\r\n.5,0,0,1.\r\n", b'"1",2,3,4\n0.5,0,0,1\n\n'],
    JSON_LINES: [b"[1,2,3,4]\n[0.5,0,0,1]\n", b'{"x": [1,2,3,4]}\r\n{"x": [0.5,0,0,1]}\r\n\r\n'],
    BYTES: [npy(np.array(ROWS)), json.dumps(ROWS).encode(), b'\n {"instances": [[1,2,3,4],[0.5,0,0,1]]}'],
}


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(save_linear(tmp_path_factory.mktemp("linear")))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("kind", "body"), [(kind, body) for kind, bodies in BODIES.items() for body in bodies])
def test_the_same_rows_in_every_form(linear: Model, kind: str, body: bytes, compressed: bool) -> None:
    expected = np.array(ROWS) @ (np.arange(12).reshape(4, 3) / 10)
    answer = outputs(linear, gzip.compress(body, mtime=0) if compressed else body, kind)
    np.testing.assert_allclose(answer, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (CSV, b"a,b,c,d\n1,2,3,4\n", "line 1, column 1: 'a' is not a number (send the rows without a header)"),
        (CSV, b"1,2,3,4\n1,2,,4\n", "line 2, column 3: '' is not a number"),
        (CSV, b"1,2,3,4\n1,2,nan,4\n", "line 2, column 3: 'nan' is not a number"),
        (CSV, b"1,2,3,1_0\n", "line 1, column 4: '1_0' is not a number"),
        (CSV, b"1,2,3\n", "line 1 is of 3 values; expected 4 values a line"),
        (CSV, b"1,2,3,4\n\n1,2,3,4\n", "line 2 is blank"),
        (CSV, b"", "expected one line of CSV an instance"),
        (CSV, b'"1,2,3,4\n', "not valid CSV"),
        (CSV, b"\xff\xfe1\x00", "must be UTF-8"),
        (JSON_LINES, b"[1,2,3,4]\n\n[1,2,3,4]", "line 2: the body is not valid JSON"),
        (JSON_LINES, b"[1,2,3,4]\n[1,2,3]", "the lists are not of equal lengths"),
        (JSON_LINES, b"", "non-empty list of instances"),
        (JSON, b'{"inputs": {"y": [[1,2,3,4]]}}', '"inputs" must be an object with exactly x'),
        (JSON, b'{"inputs": [1,2,3,4]}', "expected shape [N, 4] with N >= 1, got [4]"),
        (JSON, b'{"data": [[1,2,3,4]]}', 'expected {"instances": [...]}, {"inputs": ...} or a list, got an object'),
        (JSON, b'[{"x": [1,2,3,4], "x": [5,6,7,8]}]', "the key 'x' stands twice in an object"),
        (JSON, b'{"inputs": {"x": [[1,2,3,4]], "x": [[5,6,7,8]]}}', "the key 'x' stands twice"),
        (JSON_LINES, b'{"x": [1,2,3,4]}\n{"x": [1,2,3,4], "x": [0,0,0,0]}', "line 2: the key 'x' stands twice"),
        (JSON, gzip.compress(b"[[1,2,3,4]]", mtime=0)[:-3], "not whole gzip"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(linear: Model, kind: str, body: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(linear, body, kind)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("application/x-recordio-protobuf", b"x", "is not one of image/jpeg, image/png"),
        ("text/csv; charset=latin-1", b"1,2,3,4", "text must be UTF-8, not 'latin-1'"),
        (BYTES, b"\x00\x01\x02", "neither an npy array nor JSON nor a JPEG or PNG image; say what it is"),
        ("image/png", b"x", "this model takes no images; send application/x-npy, application/json"),
    ],
)
def test_a_type_that_is_refused_says_what_to_send(linear: Model, kind: str, body: bytes, message: str) -> None:
    with pytest.raises(UnsupportedContentType) as caught:
        ask(linear, body, kind)
    assert message in caught.value.message


def test_utf_8_may_be_said(linear: Model) -> None:
    for charset in ("utf-8", '"UTF-8"', "us-ascii"):
        assert outputs(linear, b"1,2,3,4", f"text/csv; charset={charset}; header=absent")


def test_a_header_of_csv_has_to_be_said(linear: Model) -> None:
    body = b"1,2,3,4\n5,6,7,8\n"
    assert len(outputs(linear, body, CSV)) == 2
    assert outputs(linear, body, "text/csv; header=present") == outputs(linear, b"5,6,7,8", CSV)
    with pytest.raises(InvalidInput, match="expected one line of CSV an instance"):
        outputs(linear, b"a,b,c,d\n", "text/csv; Header=present")


def test_a_compressed_body_that_expands_too_far(linear: Model) -> None:
    with pytest.raises(RequestTooLarge, match="expands to more than"):
        ask(linear, gzip.compress(b" " * (MAX_EXPANDED_BYTES + 1), 1, mtime=0), JSON)


def test_columns_of_several_inputs_in_their_order(tmp_path: Path) -> None:
    """As converters of tables write them: an input a column, each of its own type."""
    nodes = [node("Cast", ["age"], ["years"], to=1), node("Add", ["years", "weight"], ["y"])]
    inputs = [tensor("age", ["N", 1], "int64"), tensor("weight", ["N", 1]), tensor("name", ["N", 1], "str")]
    given = [*nodes, node("Identity", ["name"], ["who"])]
    outs = [tensor("y", ["N", 1]), tensor("who", ["N", 1], "str")]
    model = load(save_network(tmp_path / "net.onnx", given, inputs, outs))
    expected = {"y": [[43.5], [21.0]], "who": [["Ann, the first"], ["Bo"]]}
    assert outputs(model, b'42,1.5,"Ann, the first"\n20,1,Bo\n', CSV) == expected
    assert (
        outputs(model, {"inputs": {"age": [[42], [20]], "weight": [[1.5], [1]], "name": expected["who"]}}) == expected
    )
    with pytest.raises(InvalidInput, match=r"line 1, column 1: '42\.5' is not a whole number"):
        outputs(model, b"42.5,1,x\n", CSV)


def test_large_whole_numbers_in_csv_stay_what_they_are(tmp_path: Path) -> None:
    model = load(save_identity(tmp_path, "int64", ("N", 2)))
    assert outputs(model, b"9007199254740993,1.0\n-9223372036854775808,1e3\n", CSV) == [
        [9007199254740993, 1],
        [-(2**63), 1000],
    ]
    for text in (b"9223372036854775808,1", b"99999999999999999999999,1", b"9007199254740993.5,1", b"1e999999999,1"):
        with pytest.raises(InvalidInput):
            outputs(model, text, CSV)


@pytest.fixture(scope="module")
def picture() -> dict[str, bytes]:
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    files = {}
    for kind in ("PNG", "JPEG"):
        file = io.BytesIO()
        image.save(file, kind, quality=100, subsampling=0) if kind == "JPEG" else image.save(file, kind)
        files[kind] = file.getvalue()
    return files


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint16", "float16", "float32", "float64"])
def test_images_into_inputs_of_any_type_of_number(tmp_path: Path, picture: dict[str, bytes], dtype: str) -> None:
    folder = save_identity(tmp_path, dtype, (1, 3, 4, 4))
    (folder / "signature.json").write_text('{"image": {"scale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}}')
    model = load(folder)
    for kind in ("image/png", "image/jpg", "application/x-image", BYTES):
        answer = np.array(outputs(model, picture["PNG"], kind))
        assert answer.shape == (1, 3, 4, 4)
        np.testing.assert_array_equal(answer[0, :, 0, 0], [200, 100, 50])
    for kind in ("image/jpeg", "image/jpg", "application/x-image", BYTES):
        np.testing.assert_allclose(np.array(outputs(model, picture["JPEG"], kind))[0, :, 0, 0], [200, 100, 50], atol=2)
    with pytest.raises(InvalidInput, match="neither a JPEG nor a PNG image"):
        ask(model, b"GIF89a", "application/x-image")


def test_pixels_go_into_an_input_of_whole_numbers_as_they_are(tmp_path: Path, picture: dict[str, bytes]) -> None:
    model = load(save_identity(tmp_path, "uint8", (1, 3, 8, 8)))
    assert np.array(outputs(model, picture["PNG"], "image/png"))[0, :, 0, 0].tolist() == [200, 100, 50]


def test_the_readme_lists_the_content_types() -> None:
    rows = [line.split("|") for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    first = {name.strip(" `") for row in rows for name in row[1].split(",")}
    assert set(CONTENT_TYPES) <= first
    accepted = {row[1].strip(" `") for row in rows if row[2].startswith(" request and answer")}
    assert accepted == set(ACCEPTS)


def test_the_readmes_name_what_is_left_out_and_every_type() -> None:
    text = (README.parents[1] / "models" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*LEFT_BEHIND, "*.pyc"))
    types = README.read_text(encoding="utf-8").partition("Types of inputs and outputs: ")[2].partition("\n\n")[0]
    spelled = types.replace("int8 to int64", "int8 int16 int32 int64").replace(
        "uint8 to uint64", "uint8 uint16 uint32 uint64"
    )
    assert set(get_args(ElementType)) - {"str"} <= set(re.findall(r"\w+", spelled))


@pytest.mark.parametrize("accept", ACCEPTS)
def test_the_answer_has_exactly_the_type_asked_for(client: Client, tmp_path: Path, accept: str) -> None:
    folder = save_linear(tmp_path / "linear")
    with client.loaded("exactly", folder):
        for body in (b"[[1, 2, 3, 4]]", b"[" + b"[1, 2, 3, 4]," * 100_000 + b"[1, 2, 3, 4]]"):
            reply = client.invoke("exactly", body, JSON, accept)
            assert (reply.status, reply.headers["content-type"]) == (200, accept)
