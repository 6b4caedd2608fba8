"""SageMaker's contract with a multi-model container, in the words clients match. Each test runs in process and over
HTTP.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.container.clients import Client
from tests.container.conftest import encoded_image, npy

JSON = "application/json"
NPY = "application/x-npy"
Models = dict[str, Path]


def test_ping_answers_200_when_workers_are_ready(client: Client) -> None:
    assert client.request("GET", "/ping").status == 200


def test_load_describe_unload(client: Client, models: Models) -> None:
    reply = client.load("a", models["dense"])
    assert (reply.status, reply.json()) == (200, {"status": "Workers scaled"})
    described = client.request("GET", "/models/a")
    assert (described.status, described.json()) == (200, {"modelName": "a", "modelUrl": str(models["dense"])})
    gone = client.unload("a")
    assert (gone.status, gone.json()) == (200, {"status": 'Model "a" unregistered'})
    assert client.request("GET", "/models/a").error() == (404, "ModelNotFound")


def test_a_second_load_is_a_conflict_and_leaves_the_model(client: Client, models: Models) -> None:
    with client.loaded("a", models["dense"]):
        assert client.load("a", models["dense"]).error() == (409, "ModelAlreadyLoaded")
        assert client.invoke("a", b"[[1, 2, 3, 4]]", JSON).status == 200


def test_an_unknown_model_is_404_everywhere(client: Client) -> None:
    assert client.request("GET", "/models/none").error() == (404, "ModelNotFound")
    assert client.unload("none").error() == (404, "ModelNotFound")
    assert client.invoke("none", b"[]", JSON).error() == (404, "ModelNotFound")


def test_models_are_listed_in_pages(client: Client, models: Models) -> None:
    names = [f"page-{index}" for index in range(5)]
    try:
        for name in names:
            assert client.load(name, models["dense"]).status == 200
        first = client.request("GET", "/models?limit=2").json()
        assert [model["modelName"] for model in first["models"]] == names[:2]
        # A change between two pages neither repeats nor hides a model.
        assert client.unload(names[0]).status == 200
        second = client.request("GET", f"/models?limit=2&next_page_token={first['nextPageToken']}").json()
        assert [model["modelName"] for model in second["models"]] == names[2:4]
        last = client.request("GET", f"/models?limit=2&next_page_token={second['nextPageToken']}").json()
        assert last == {"models": [{"modelName": names[4], "modelUrl": str(models["dense"])}]}
        assert "nextPageToken" not in client.request("GET", "/models").json()
    finally:
        for name in names:
            client.unload(name)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=1001", "limit=9999999999", "next_page_token=%21"]
)
def test_bad_paging_is_refused(client: Client, query: str) -> None:
    assert client.request("GET", f"/models?{query}").error() == (400, "InvalidRequest")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"model_name": "a"}',
        b'{"model_name": "", "url": "/m"}',
        b'{"model_name": 1, "url": "/m"}',
        b'{"model_name": "a", "url": "relative"}',
        b'{"model_name": "a", "url": "/nul\\u0000"}',
        b'{"model_name": "a", "url": "/no/such/folder"}',
        json.dumps({"model_name": "x" * 1025, "url": "/m"}).encode(),
    ],
)
def test_bad_loads_are_refused_and_leave_nothing(client: Client, body: bytes) -> None:
    assert client.request("POST", "/models", body).error()[0] == 400
    assert client.request("GET", "/models").json() == {"models": []}


def test_unknown_routes_and_methods(client: Client) -> None:
    assert client.request("GET", "/").error() == (404, "NoSuchRoute")
    assert client.request("PUT", "/models").error() == (405, "MethodNotAllowed")


def test_predictions_are_those_of_mxnet_called_directly(client: Client, models: Models, mx) -> None:
    inputs = np.random.RandomState(5).normal(size=(3, 4)).astype(np.float32)
    symbol, arguments, auxiliary = mx.model.load_checkpoint(str(models["dense"] / "net"), 0)
    module = mx.mod.Module(symbol, label_names=None)
    module.bind([("data", (3, 4))], for_training=False)
    module.set_params(arguments, auxiliary, allow_missing=True)
    module.forward(mx.io.DataBatch([mx.nd.array(inputs)]), is_train=False)
    expected = module.get_outputs()[0].asnumpy()
    with client.loaded("a", models["dense"]):
        for body, kind in (
            (json.dumps(inputs.tolist()).encode(), JSON),
            (json.dumps({"instances": inputs.tolist()}).encode(), JSON),
            (npy(inputs), NPY),
            (npy(np.asfortranarray(inputs)), f"{NPY}; charset=binary"),
        ):
            reply = client.invoke("a", body, kind)
            assert reply.headers["content-type"] == JSON
            np.testing.assert_allclose(reply.json()["outputs"], expected, atol=1e-6)
        one = client.invoke("a", npy(inputs[0]), NPY).json()
        np.testing.assert_allclose(one["outputs"], expected[:1], atol=1e-6)


def test_images_of_both_formats_are_classified_with_labels(client: Client, models: Models, png: bytes) -> None:
    with client.loaded("a", models["image"]):
        exact = client.invoke("a", png, "image/png").json()
        lossy = client.invoke("a", encoded_image("JPEG"), "image/jpeg; q=1").json()
    np.testing.assert_allclose(lossy["outputs"], exact["outputs"], atol=0.2)
    scores = exact["outputs"][0]
    top = exact["labels"][0]
    assert [entry["score"] for entry in top] == sorted(scores, reverse=True)[:5]
    assert all(entry["label"] == f"n{entry['index']:04} label {entry['index']}" for entry in top)
    assert all(scores[entry["index"]] == entry["score"] for entry in top)


def test_the_answer_has_the_accepted_form(client: Client, models: Models) -> None:
    inputs = npy(np.ones((2, 4), np.float32))
    with client.loaded("a", models["dense"]):
        scores = np.array(client.invoke("a", inputs, NPY).json()["outputs"], np.float32)
        as_npy = client.invoke("a", inputs, NPY, "application/x-npy")
        assert as_npy.headers["content-type"] == NPY
        np.testing.assert_array_equal(np.load(io.BytesIO(as_npy.body), allow_pickle=False), scores)
        as_csv = client.invoke("a", inputs, NPY, "text/html;q=0.9, text/csv;q=0.5")
        assert as_csv.headers["content-type"].startswith("text/csv")
        rows = [[float(value) for value in line.split(",")] for line in as_csv.body.decode().splitlines()]
        np.testing.assert_allclose(rows, scores, atol=1e-7)
        assert client.invoke("a", inputs, NPY, "*/*").headers["content-type"] == JSON
        assert client.invoke("a", inputs, NPY, "text/html").error() == (406, "UnsupportedAccept")


def test_a_network_bound_for_two_answers_any_number(client: Client, models: Models) -> None:
    inputs = np.random.RandomState(2).normal(size=(5, 4)).astype(np.float32)
    with client.loaded("a", models["pair"]):
        together = client.invoke("a", npy(inputs), NPY).json()["outputs"]
        apart = [client.invoke("a", npy(row), NPY).json()["outputs"][0] for row in inputs]
    np.testing.assert_allclose(together, apart, atol=1e-6)


BAD_INPUTS = {
    "no body": (b"", JSON, 400),
    "not JSON": (b"{", JSON, 400),
    "another object": (b'{"data": [[1, 2, 3, 4]]}', JSON, 400),
    "no instances": (b"[]", JSON, 400),
    "too few numbers": (b"[[1, 2, 3]]", JSON, 400),
    "ragged": (b"[[1, 2, 3, 4], [1]]", JSON, 400),
    "text": (b'[["a", "b", "c", "d"]]', JSON, 400),
    "numbers as text": (b'[["1", "2", "3", "4"]]', JSON, 400),
    "booleans": (b"[[true, true, true, false]]", JSON, 400),
    "null": (b"[[1, 2, 3, null]]", JSON, 400),
    "NaN": (b"[[1, 2, 3, NaN]]", JSON, 400),
    "too large for a float": (b"[[1, 2, 3, 1e300]]", JSON, 400),
    "beyond any float": (b"[[1, 2, 3, 1e999]]", JSON, 400),
    "a huge integer": (b"[[1, 2, 3, " + b"9" * 400 + b"]]", JSON, 400),
    "deep nesting": (b"[" * 100_000 + b"]" * 100_000, JSON, 400),
    "not UTF-8": (b'[["\xff"]]', JSON, 400),
    "objects of another model": (b'[{"other": [1, 2, 3, 4]}]', JSON, 400),
    "no content type": (b"[[1, 2, 3, 4]]", "", 415),
    "unknown content type": (b"[[1, 2, 3, 4]]", "application/x-python-pickle", 415),
    "an image": (encoded_image("PNG"), "image/png", 415),
    "not npy": (b"not npy", NPY, 400),
    "npy cut off": (npy(np.ones((1, 4), np.float32))[:-1], NPY, 400),
    "npy with more": (npy(np.ones((1, 4), np.float32)) + b"x", NPY, 400),
    "npy of NaN": (npy(np.full((1, 4), np.nan, np.float32)), NPY, 400),
    "npy of text": (npy(np.array([["a", "b", "c", "d"]])), NPY, 400),
    "npy of complex": (npy(np.ones((1, 4), np.complex64)), NPY, 400),
    "npy of another shape": (npy(np.ones((1, 5), np.float32)), NPY, 400),
    "npy of nothing": (npy(np.ones((0, 4), np.float32)), NPY, 400),
    "npy with a pickle": (
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(127) + b"\n\x80\x04N.",
        NPY,
        400,
    ),
    "npy promising terabytes": (
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 4), }".ljust(127)
        + b"\n",
        NPY,
        400,
    ),
    "npy with a negative shape": (
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }".ljust(127) + b"\n",
        NPY,
        400,
    ),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_refused_with_a_sentence(client: Client, kept: str, name: str) -> None:
    body, content_type, status = BAD_INPUTS[name]
    assert client.invoke(kept, body, content_type).error()[0] == status
    assert client.invoke(kept, b"[[1, 2, 3, 4]]", JSON).status == 200


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_bad_images_are_refused(client: Client, kept_image: str, kind: str, png: bytes, jpeg: bytes) -> None:
    good, other = (png, jpeg) if kind == "image/png" else (jpeg, png)
    for body in (b"", b"not an image", good[: len(good) // 2], other, good[:20]):
        assert client.invoke(kept_image, body, kind).error() == (400, "InvalidInput")
    assert client.invoke(kept_image, good, kind).status == 200


def test_an_image_that_expands_too_far_is_refused(client: Client, kept_image: str) -> None:
    file = io.BytesIO()
    Image.new("1", (8000, 7000)).save(file, "PNG")
    bomb = file.getvalue()
    assert len(bomb) < 2**16
    assert client.invoke(kept_image, bomb, "image/png").error() == (413, "RequestTooLarge")


def test_a_body_beyond_the_limit_is_refused(client: Client, kept: str) -> None:
    body = b"[" + b" " * 6_291_456 + b"]"
    assert client.invoke(kept, body, JSON).error() == (413, "RequestTooLarge")


@pytest.fixture
def kept(client: Client, models: Models):
    """A loaded dense model for tests that only invoke."""
    with client.loaded("kept", models["dense"]):
        yield "kept"


@pytest.fixture
def kept_image(client: Client, models: Models):
    with client.loaded("kept-image", models["image"]):
        yield "kept-image"
