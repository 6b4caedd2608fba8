"""An artifact's own code is called as AWS's toolkit calls it, and two artifacts never see each other's modules."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from container.model_server.artifact import Artifact, read_artifact
from container.model_server.engines.handler import HandlerModel
from container.model_server.engines.mxnet_engine import MxnetEngine
from container.model_server.errors import InvalidArtifact, PredictionFailed, UnsupportedContentType
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
        ("def model_fn(d): raise ValueError('no weights\\nmore')", "model_fn raised ValueError: no weights$"),
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
