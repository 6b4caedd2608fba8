"""An artifact's own code is called as AWS's toolkit calls it, and two artifacts never see each other's modules."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from container.model_server.artifact import Artifact, read_artifact
from container.model_server.engines.handler import HandlerModel
from container.model_server.engines.mxnet_engine import MxnetEngine
from container.model_server.errors import (
    InvalidArtifact,
    InvalidInput,
    PredictionFailed,
    ServerError,
    UnsupportedContentType,
)
from tests.container.conftest import npy

JSON = "application/json"


def artifact(tmp_path: Path, base: Path | None = None, **files: str) -> Artifact:
    root = tmp_path / "model"
    (root / "code").mkdir(parents=True)
    for path in base.iterdir() if base is not None else ():
        (root / path.name).write_bytes(path.read_bytes())
    for name, text in files.items():
        (root / "code" / f"{name}.py").write_text(text)
    return read_artifact(root)


def loaded(made: Artifact) -> HandlerModel:
    model = HandlerModel(made, lambda: MxnetEngine().load(made))
    model.warm_up()
    return model


def invoke(model: HandlerModel, body: bytes, kind: str = JSON, accept: str = "") -> tuple[bytes, str]:
    answer = model.invoke(memoryview(body), kind, accept, JSON)
    return answer.body, answer.content_type


ALL_FOUR = """
import json
def model_fn(model_dir):
    return {"dir": model_dir}
def input_fn(data, content_type):
    assert isinstance(data, str) and content_type == "application/json", (data, content_type)
    return json.loads(data)
def predict_fn(data, model):
    return [data, sorted(model)]
def output_fn(prediction, accept):
    return json.dumps([prediction, accept])
"""


def test_all_four_functions_without_a_checkpoint(tmp_path: Path) -> None:
    model = loaded(artifact(tmp_path, inference=ALL_FOUR))
    body, kind = invoke(model, b'{"a": 1}', accept="text/plain")
    assert (json.loads(body), kind) == ([[{"a": 1}, ["dir"]], "text/plain"], "text/plain")
    assert invoke(model, b"1")[1] == JSON


def test_functions_may_take_the_context_and_return_a_type(tmp_path: Path) -> None:
    code = """
def model_fn(model_dir, context): return context
def transform_fn(model, data, content_type, accept):
    return bytes(data)[::-1], "application/x-reversed"
"""
    model = loaded(artifact(tmp_path, inference=code))
    assert invoke(model, b"abc", "application/octet-stream") == (b"cba", "application/x-reversed")


def test_what_is_left_out_is_done_as_the_toolkit_does(tmp_path: Path, models, mx) -> None:
    """`predict_fn` alone gets an NDArray and a Module; the answer is the bare list."""
    code = """
import mxnet as mx
def predict_fn(data, model):
    assert isinstance(data, mx.nd.NDArray) and isinstance(model, mx.mod.Module), (data, model)
    return model.predict(mx.io.NDArrayIter(data, batch_size=1))
"""
    model = loaded(artifact(tmp_path, models["dense"], inference=code))
    body, _ = invoke(model, b"[[1, 2, 3, 4], [4, 3, 2, 1]]")
    plain = MxnetEngine().load(read_artifact(models["dense"]))
    expected = plain.predict({"data": np.array([[1, 2, 3, 4], [4, 3, 2, 1]], np.float32)})["softmax_output"]
    np.testing.assert_allclose(json.loads(body), expected, atol=1e-6)


def test_input_and_output_functions_around_the_servers_own_engine(tmp_path: Path, models) -> None:
    code = """
import numpy as np
def input_fn(data, content_type): return np.frombuffer(data, np.float32).reshape(-1, 4)
def output_fn(prediction, accept): return ";".join(map(str, prediction.asnumpy().argmax(axis=1)))
"""
    model = loaded(artifact(tmp_path, models["dense"], inference=code))
    data = np.random.RandomState(0).normal(size=(3, 4)).astype(np.float32)
    plain = MxnetEngine().load(read_artifact(models["dense"])).predict({"data": data})["softmax_output"]
    body, kind = invoke(model, data.tobytes(), "application/x-raw", "text/plain")
    assert (body.decode(), kind) == (";".join(map(str, plain.argmax(axis=1))), "text/plain")


def test_a_missing_input_function_still_has_an_allow_list(tmp_path: Path, models) -> None:
    model = loaded(artifact(tmp_path, models["dense"], inference="def output_fn(p, accept): return 'x'"))
    assert invoke(model, npy(np.ones((1, 4), np.float32)), "application/x-npy")[0] == b"x"
    with pytest.raises(UnsupportedContentType):
        invoke(model, b"x", "application/x-pickle")
    with pytest.raises(UnsupportedContentType, match="UTF-8"):
        invoke(model, b"\xff", JSON)


def test_two_artifacts_with_modules_of_the_same_name(tmp_path: Path) -> None:
    code = """
import helpers
def model_fn(model_dir): return helpers.NAME
def transform_fn(model, data, content_type, accept):
    import late
    return f"{model} {helpers.NAME} {late.NAME}"
"""
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        text = f"NAME = {name!r}"
        made.append(loaded(artifact(folder, inference=code, helpers=text, late=text)))
    path = list(sys.path)
    for _ in range(2):
        assert [invoke(model, b"")[0] for model in made] == [b"one one one", b"two two two"]
    assert sys.path == path
    assert not {"helpers", "late", "inference"} & sys.modules.keys()
    made[0].close()
    assert invoke(made[1], b"")[0] == b"two two two"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_module", "raised ModuleNotFoundError"),
        ("1 +", "raised SyntaxError"),
        ("raise SystemExit(3)", "raised SystemExit"),
        ("x = 1", "defines none of model_fn"),
        ("def model_fn(d): raise ValueError('no weights\\nmore')", "model_fn raised ValueError: no weights more$"),
        ("def predict_fn(d, m): ...", "must define model_fn"),
        ("def transform_fn(m, d, c, a): ...\ndef input_fn(d, c): ...", "transform_fn stands for"),
    ],
)
def test_code_that_does_not_load_is_an_invalid_artifact(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(InvalidArtifact, match=message):
        loaded(artifact(tmp_path, inference=code))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def transform_fn(m, d, c, a): raise KeyError('x')", "transform_fn raised KeyError: 'x'"),
        ("def transform_fn(m, d, c, a): return 7", "must give text or bytes, it gave a int"),
        ("def transform_fn(m, d, c, a): return {}, 'x'", "must give text or bytes, it gave a dict"),
        ("def input_fn(d, c): return d", "model_fn gave a object: predict_fn must say"),
    ],
)
def test_code_that_fails_on_a_request_is_a_failed_prediction(tmp_path: Path, code: str, message: str) -> None:
    model = loaded(artifact(tmp_path, inference=f"def model_fn(d): return object()\n{code}"))
    with pytest.raises(PredictionFailed, match=message):
        invoke(model, b"1")


WITH_THE_TOOLKIT = """
import sagemaker_inference
from sagemaker_inference import content_types, decoder, encoder
from sagemaker_inference.errors import GenericInferenceToolkitError
def model_fn(model_dir): return 2
def input_fn(data, content_type): return decoder.decode(data, content_type)
def predict_fn(data, model):
    if data.ndim == 0:
        raise GenericInferenceToolkitError(400, "expected a list")
    if data.size == 0:
        raise GenericInferenceToolkitError(507)
    return data * model
def output_fn(prediction, accept): return encoder.encode(prediction, accept), accept
"""


@pytest.fixture(autouse=True)
def _no_toolkit_yet() -> Iterator[None]:
    """Each test imports it again, and leaves none behind."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "sagemaker_inference"]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.fixture
def toolkit_model(tmp_path: Path) -> HandlerModel:
    return loaded(artifact(tmp_path, inference=WITH_THE_TOOLKIT))


def test_code_may_import_what_it_uses_of_the_toolkit(toolkit_model: HandlerModel) -> None:
    assert invoke(toolkit_model, b"[1, 2.5]") == (b"[2.0, 5.0]", JSON)
    assert invoke(toolkit_model, b"1,2\n3,4\n", "text/csv", "text/csv") == (b"2,4\n6,8\n", "text/csv")
    body, _ = invoke(toolkit_model, npy(np.arange(3)), "application/x-npy", "application/x-npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(body)), [0, 2, 4])


@pytest.mark.parametrize(
    ("request_parts", "error", "message"),
    [
        ((b"1", JSON), InvalidInput, "predict_fn: expected a list"),
        ((b"[]", JSON), PredictionFailed, "predict_fn: Invalid Request"),
        ((b"x", "image/gif"), UnsupportedContentType, "content type image/gif is not supported"),
        ((b"[1]", JSON, "text/html"), UnsupportedContentType, "content type text/html is not supported"),
        ((npy(np.array([{}])), "application/x-npy"), PredictionFailed, "input_fn raised ValueError: .*allow_pickle"),
    ],
)
def test_errors_of_the_toolkit_have_its_statuses(
    toolkit_model: HandlerModel, request_parts: tuple, error: type[ServerError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        invoke(toolkit_model, *request_parts)
    # The name crosses to the front process, which knows the server's own errors only.
    assert type(ServerError.of_kind(caught.value.kind, "")) is error


def test_the_toolkit_itself_is_taken_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "sagemaker_inference").mkdir(parents=True)
    (tmp_path / "site" / "sagemaker_inference" / "__init__.py").write_text("REAL = True\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    code = """
import sagemaker_inference
def model_fn(d): return 1
def transform_fn(m, d, c, a): return str(sagemaker_inference.REAL)
"""
    assert invoke(loaded(artifact(tmp_path, inference=code)), b"1")[0] == b"True"
