"""What is sent is what the model gets: converted without loss, or refused with a sentence."""

import io
import itertools
import json

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from container.model_server.errors import InvalidInput, ServerError
from container.model_server.worker.loading import Model
from tests.container.served import CSV, JSON, JSON_LINES, NPY, ask, from_npy, load, npy, outputs
from tests.support.networks import TYPES, save_identity

NUMBERS = [name for name in TYPES if name not in ("bool", "str")]


@pytest.fixture(scope="module")
def echoes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """By type: a model that answers with its input, two values an instance."""
    root = tmp_path_factory.mktemp("echoes")
    return {dtype: load(save_identity(root / dtype, dtype, ("N", 2))) for dtype in TYPES}


@pytest.mark.parametrize(
    ("dtype", "sent", "message"),
    [
        ("uint8", [300, 1], "expected numbers from 0 to 255 (uint8), got 300"),
        ("uint8", [-1, 1], "expected numbers from 0 to 255 (uint8), got -1"),
        ("int8", [-129, 1], "expected numbers from -128 to 127 (int8), got -129"),
        ("int32", [3_000_000_000, 1], "got 3000000000"),
        ("int64", [2**63, 1], "expected numbers from -9223372036854775808"),
        ("uint64", [2**64, 1], "expected numbers"),
        ("int64", [1.7, 1], "expected whole numbers (int64), got 1.7"),
        ("int64", [1e18, 0.0], "without fraction or exponent"),
        ("float64", [2**53 + 1, 0.5], "float64 cannot hold the whole number 9007199254740993 exactly"),
        ("float32", [16777217, 0], "float32 cannot hold the whole number 16777217 exactly"),
        ("float16", [2049, 0], "float16 cannot hold the whole number 2049 exactly"),
        ("float64", [2**53 + 1, 0], "float64 cannot hold the whole number 9007199254740993 exactly"),
        ("float16", [70000.5, 0.0], "70000.5 is beyond what float16 can hold"),
        ("float32", [16777217, 0.5], "float32 cannot hold the whole number 16777217 exactly"),
        ("float64", [2**64 - 1, 0.5], "float64 cannot hold the whole number 18446744073709551615 exactly"),
        ("float32", [10**400, 0.5], "cannot hold the whole number 1000"),
        ("int8", [200, 1.5], "expected"),
        ("float32", [True, 1.5], "expected numbers, got a truth value"),
        ("int64", [False, 3], "expected numbers, got a truth value"),
        ("bool", [True, 1], "expected true or false everywhere, got a truth value"),
        ("bool", [2, 1], "expected true or false"),
        ("float32", ["1", 2], "expected numbers"),
        ("str", ["a", 2], "expected text"),
        ("str", ["a", None], "expected text"),
        ("str", [["a"], "b"], "equal lengths"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(echoes: dict[str, Model], dtype: str, sent: list, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        outputs(echoes[dtype], [sent])
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("dtype", "sent"),
    [
        ("int64", [2**63 - 1, -(2**63)]),
        ("uint64", [2**64 - 1, 0]),
        ("uint8", [255, 0]),
        ("int64", [9007199254740993, 0.0]),
        ("int64", [3.0, -1.0]),
        ("float32", [16777216, 3]),
        ("float64", [0.1, 1e300]),
        ("bool", [True, False]),
        ("str", ['text, "quoted"\n', ""]),
        ("str", ["\u0000nul", "naïve \U0001f600"]),
    ],
)
def test_what_a_type_can_hold_arrives_unchanged(echoes: dict[str, Model], dtype: str, sent: list) -> None:
    assert outputs(echoes[dtype], [sent]) == [sent]
    lines = json.dumps(sent).encode()
    assert outputs(echoes[dtype], lines, JSON_LINES) == [sent]
    assert outputs(echoes[dtype], {"inputs": [sent]}) == [sent]


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_in_every_form(echoes: dict[str, Model], dtype: str) -> None:
    sent = {"bool": [True, False], "str": ["a,b", "c"]}.get(dtype, [1, 0])
    assert outputs(echoes[dtype], [sent]) == [sent]
    answer = from_npy(ask(echoes[dtype], [sent], accept=NPY))
    assert answer.tolist() == [sent]
    assert answer.dtype == (np.dtype(dtype) if dtype != "str" else np.dtype("<U3"))
    text = ask(echoes[dtype], [sent], accept=CSV)
    assert ask(echoes[dtype], text, CSV, CSV) == text
    assert text.endswith(b"\r\n")


ANY_ARRAY = st.sampled_from(
    ["bool", "f2", "<f4", ">f4", "f8", "i1", "u1", "<i2", ">u2", "i4", "u4", "i8", "u8", "c8", "U3", "S3", "M8[s]"]
).flatmap(
    lambda dtype: arrays.arrays(
        dtype, st.sampled_from([(2,), (1, 2), (3, 2), (0, 2), (2, 1), (2, 2, 2), ()]), fill=st.nothing()
    )
)


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(dtype=st.sampled_from(list(TYPES)), array=ANY_ARRAY, fortran=st.booleans())
def test_any_tensor_equals_what_onnx_runtime_gives_or_is_refused(
    echoes: dict[str, Model], sessions: dict[str, onnxruntime.InferenceSession], dtype: str, array, fortran: bool
) -> None:
    """Where values are not those that were sent, they are those of the nearest floating-point numbers."""
    try:
        answer = from_npy(ask(echoes[dtype], npy(np.asfortranarray(array) if fortran else array), NPY, NPY))
    except ServerError as error:
        assert error.kind in ("InvalidInput", "UnsupportedAccept")
        return
    rows = array.reshape(-1, 2)
    if dtype == "str":
        text = np.char.decode(rows, "utf-8") if array.dtype.kind == "S" else rows
        expected = sessions[dtype].run(None, {"x": text.astype(object)})[0]
        assert answer.tolist() == expected.tolist()
        return
    expected = sessions[dtype].run(None, {"x": rows.astype(dtype)})[0]
    assert answer.dtype == expected.dtype
    np.testing.assert_array_equal(answer, expected)
    if array.dtype.kind in "iub" or np.dtype(dtype).kind in "iub":
        assert answer.astype(object).tolist() == rows.astype(rows.dtype.newbyteorder("=")).astype(object).tolist()


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, onnxruntime.InferenceSession]:
    root = tmp_path_factory.mktemp("sessions")
    return {
        dtype: onnxruntime.InferenceSession(str(save_identity(root / dtype, dtype, ("N", 2)) / "net.onnx"))
        for dtype in TYPES
    }


SHAPES: list[tuple[int | str, ...]] = [(), ("N",), (1,), (3,), (1, 3), (2, 2), ("N", 2, 2)]


@pytest.fixture(scope="module")
def shaped(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple, tuple[Model, onnxruntime.InferenceSession]]:
    root = tmp_path_factory.mktemp("shaped")
    found = {}
    for number, shape in enumerate(SHAPES):
        folder = save_identity(root / str(number), "float32", shape)
        found[shape] = load(folder), onnxruntime.InferenceSession(str(folder / "net.onnx"))
    return found


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), shape=st.sampled_from(SHAPES), count=st.integers(1, 5))
def test_instances_of_any_shape_equal_what_onnx_runtime_gives_or_are_refused(shaped, data, shape, count: int) -> None:
    """Networks of any rank, bound for one batch or any: each instance is answered as the network alone answers it."""
    model, session = shaped[shape]
    (spec,) = model.inputs
    elements = st.floats(-100, 100, width=32)
    sent = data.draw(arrays.arrays(np.float32, (count, *spec.item_shape), elements=elements, fill=st.nothing()))
    try:
        answer = from_npy(ask(model, sent.tolist(), accept=NPY))
    except InvalidInput as error:
        assert shape == ()
        assert count > 1
        assert "send one instance a request" in error.message
        return
    batch = spec.batch
    padded = np.concatenate([sent, np.zeros((-count % batch, *spec.item_shape), np.float32)])
    parts = [padded[start : start + batch] if spec.batched else padded[start] for start in range(0, len(padded), batch)]
    results = [session.run(None, {"x": np.asarray(part)})[0] for part in parts]
    expected = np.concatenate(results)[:count] if spec.batched else results[0]
    np.testing.assert_array_equal(answer, expected)
    assert answer.shape == expected.shape


JSON_VALUES = st.one_of(
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.none(),
)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(dtype=st.sampled_from(list(TYPES)), rows=st.lists(st.lists(JSON_VALUES, min_size=2, max_size=2), min_size=1))
def test_any_values_in_json_arrive_or_are_refused(echoes: dict[str, Model], dtype: str, rows: list) -> None:
    try:
        answer = outputs(echoes[dtype], rows)
    except InvalidInput:
        return
    for sent, got in zip(itertools.chain(*rows), itertools.chain(*answer), strict=True):
        if np.dtype(dtype if dtype != "str" else "U").kind == "f" and isinstance(sent, float):
            assert np.dtype(dtype).type(got) == np.dtype(dtype).type(sent)
        else:
            assert sent == (got if dtype != "float32" else float(np.float32(got)))
            assert isinstance(sent, bool) <= isinstance(got, bool)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.binary(max_size=200), kind=st.sampled_from([JSON, NPY, CSV, JSON_LINES, "application/octet-stream"]))
def test_no_body_is_answered_with_more_than_a_refusal(echoes: dict[str, Model], body: bytes, kind: str) -> None:
    for model in echoes.values():
        try:
            ask(model, body, kind)
        except ServerError as error:
            assert error.kind in ("InvalidInput", "UnsupportedContentType")


def test_an_npy_body_of_truth_values_that_are_none(echoes: dict[str, Model]) -> None:
    body = bytearray(npy(np.array([[True, False]])))
    body[-1] = 7
    with pytest.raises(InvalidInput, match="neither true nor false"):
        ask(echoes["bool"], bytes(body), NPY)
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<U0", "fortran_order": False, "shape": (1, 2)})
    with pytest.raises(InvalidInput, match="must hold numbers"):
        ask(echoes["str"], file.getvalue(), NPY)
