"""An artifact's own code is called as AWS's toolkit calls it, and two artifacts never see each other's modules."""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from container.model_server.artifact.contents import Artifact, read_artifact
from container.model_server.errors import (
    CodeError,
    InvalidArtifact,
    PredictionFailed,
    ServerError,
    UnsupportedAccept,
    UnsupportedContentType,
)
from container.model_server.worker.engines.base import Asked
from container.model_server.worker.engines.mxnet_engine import MxnetEngine
from container.model_server.worker.handlers.handler import HandlerModel
from tests.container.clients import Client, HttpClient
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
    answer = model.invoke(memoryview(body), Asked(kind, accept), JSON)
    return answer.body, answer.content_type


@pytest.fixture(autouse=True)
def _own_process() -> Iterator[None]:
    """Each test imports its code as the artifact's own process does: nothing stays for the next."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    mine = ("sagemaker_inference", "inference", "helpers", "vendored")
    for name in [name for name in sys.modules if name not in modules and name.partition(".")[0] in mine]:
        del sys.modules[name]


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
def model_fn(model_dir, context): return context.system_properties["model_dir"] == model_dir and context
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


def test_two_artifacts_with_modules_of_the_same_name(tmp_path: Path, http_client: HttpClient) -> None:
    code = """
import helpers
def model_fn(model_dir): return helpers.NAME
def transform_fn(model, data, content_type, accept):
    import late
    return f"{model} {helpers.NAME} {late.NAME}"
"""
    for name in ("one", "two"):
        text = f"NAME = {name!r}"
        made = artifact(tmp_path / name, inference=code, helpers=text, late=text)
        assert http_client.load(name, made.directory).status == 200
    for _ in range(2):
        for name in ("one", "two"):
            assert http_client.invoke(name, b"", "text/plain").body == f"{name} {name} {name}".encode()
    assert http_client.unload("one").status == 200
    assert http_client.invoke("two", b"", "text/plain").body == b"two two two"
    assert http_client.unload("two").status == 200


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
        ((b"1", JSON), CodeError, "predict_fn: expected a list"),
        ((b"[]", JSON), CodeError, "predict_fn: Invalid Request"),
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
    assert type(ServerError.of_wire(caught.value.to_wire())) is error


@pytest.fixture
def no_toolkit_yet() -> Iterator[None]:
    """Other tests of this process may have imported one; whichever is imported here does not stay."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "sagemaker_inference"]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.mark.usefixtures("no_toolkit_yet")
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


CONTEXT = """
import json
told = []
def pre_model_fn(model_dir): told.append("before")
def model_fn(model_dir):
    told.append("model")
    return 1
def model_warmup_fn(model_dir, model, context): told.append(f"after {model} {context.system_properties['batch_size']}")
def transform_fn(model, data, content_type, accept, context):
    if data == "404":
        from sagemaker_inference.errors import BaseInferenceToolkitError
        raise BaseInferenceToolkitError(422, "no such product", "Unprocessable")
    context.set_response_status(int(data or 200))
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "answer=" + context.get_request_header(
        0, "X-Amzn-SageMaker-Custom-Attributes"))
    context.set_response_header(0, "Content-Length", "7")
    context.set_response_content_type(0, "application/x-told")
    return json.dumps([told, context.get_request_id(0), context.get_all_request_header(0)["Traceparent"]])
"""


def test_functions_get_the_toolkits_context_and_choose_the_answers_head(tmp_path: Path, client: Client) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {
        "content-type": "text/csv",
        "X-Amzn-SageMaker-Custom-Attributes": "c=1",
        "traceparent": trace,
        "x-request-id": "mine",
    }
    with client.loaded("context", artifact(tmp_path, inference=CONTEXT).directory):
        reply = client.request("POST", "/models/context/invoke", b"202", headers)
        assert (reply.status, reply.headers["content-type"]) == (202, "application/x-told")
        assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "answer=c=1"
        assert reply.json() == [["before", "model", "after 1 1"], "mine", trace]
        # What the code chose for one request is not the next one's.
        assert client.request("POST", "/models/context/invoke", b"", headers).status == 200
        assert client.request("POST", "/models/context/invoke", b"404", headers).error() == (422, "CodeError")
        assert client.request("POST", "/models/context/invoke", b"99", headers).error() == (500, "PredictionFailed")
    (line, *_) = [event for event in client.events() if event["event"] == "request" and event.get("model") == "context"]
    assert (line["request_id"], line["trace_id"]) == ("mine", "4bf92f3577b34da6a3ce929d0e0e4736")


def wheel(folder: Path, version: str = "1.0", member: str = "vendored.py") -> Path:
    """A wheel of the package `vendored`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"vendored-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, f"VERSION = {version!r}\n")
        archive.writestr(f"vendored-{version}.dist-info/METADATA", f"Name: vendored\nVersion: {version}\n")
    return path


VENDORED = """
import vendored
def model_fn(model_dir): return vendored.VERSION
def transform_fn(model, data, content_type, accept): return model
"""


@pytest.mark.parametrize("place", ["", "lib", "wheels"])
def test_a_wheel_in_the_artifact_meets_its_requirements(tmp_path: Path, place: str) -> None:
    made = artifact(tmp_path, inference=VENDORED)
    code = made.directory / "code"
    (code / "requirements.txt").write_text("vendored>=1\nnumpy\nsagemaker-inference==1.10.1\n")
    wheel(code / place)
    assert invoke(loaded(made), b"")[0] == b"1.0"


def test_an_unpacked_package_in_lib_meets_its_requirements(tmp_path: Path) -> None:
    made = artifact(tmp_path, inference=VENDORED)
    lib = made.directory / "code" / "lib"
    (lib / "vendored-2.1.dist-info").mkdir(parents=True)
    (lib / "vendored.py").write_text("VERSION = '2.1'\n")
    (made.directory / "code" / "requirements.txt").write_text("vendored==2.1 \\\n    --hash=sha256:abc\n")
    assert invoke(loaded(made), b"")[0] == b"2.1"


def test_packages_that_are_missing_refuse_the_load_all_at_once(tmp_path: Path) -> None:
    made = artifact(tmp_path, inference=VENDORED)
    code = made.directory / "code"
    (code / "requirements.txt").write_text("# mine\nvendored>=2\nnumpy>=90\ngit+https://x/y\n")
    wheel(code)
    with pytest.raises(InvalidArtifact) as caught:
        loaded(made)
    vendored, numpy_, git = caught.value.complaints
    assert "line 2" in vendored and "has 1.0" in vendored and "pip install --target code/lib 'vendored>=2'" in vendored
    assert "line 3" in numpy_ and f"the image has {np.__version__}" in numpy_
    assert "line 4" in git and "names no package" in git


def test_wheels_that_python_cannot_import_are_refused(tmp_path: Path) -> None:
    made = artifact(tmp_path, inference=VENDORED)
    wheel(made.directory / "code", member="vendored/fast.so")
    with pytest.raises(InvalidArtifact, match=r"compiled modules \(vendored/fast.so\).*--target code/lib vendored"):
        loaded(made)


def test_a_package_that_the_server_has_imported_itself_is_not_brought_in_vain(tmp_path: Path) -> None:
    made = artifact(tmp_path, inference=VENDORED)
    (made.directory / "code" / "lib" / "numpy-0.1.dist-info").mkdir(parents=True)
    with pytest.raises(InvalidArtifact, match=f"brings numpy 0.1, but the server has imported numpy {np.__version__}"):
        loaded(made)


def test_what_code_logs_names_the_request(tmp_path: Path, http_client: HttpClient) -> None:
    code = """
import logging
def model_fn(model_dir): return 1
def transform_fn(model, data, content_type, accept):
    logging.getLogger("mine").warning("look here")
    return "x"
"""
    with http_client.loaded("logs", artifact(tmp_path, inference=code).directory):
        headers = {"content-type": "text/csv", "x-request-id": "find-me"}
        assert http_client.request("POST", "/models/logs/invoke", b"", headers).headers["x-request-id"] == "find-me"
    assert "WARNING mine: look here [request find-me]" in http_client.error_text()


@pytest.mark.parametrize("accept", ["application/json\x8d", "\x01", "text/csv\tx"])
def test_an_accept_that_cannot_be_answered_is_the_callers_fault(tmp_path: Path, accept: str) -> None:
    """Code answers in the form that it is asked for, and the answer would repeat these bytes in its own head."""
    code = "def model_fn(d): ...\ndef transform_fn(m, data, content_type, accept): return data\n"
    model = loaded(artifact(tmp_path, inference=code))
    with pytest.raises(UnsupportedAccept, match="printable ASCII"):
        invoke(model, b"1", accept=accept)
    assert invoke(model, b"1", accept="text/x-anything") == (b"1", "text/x-anything")


def test_code_that_chooses_its_content_type_answers_whatever_accept_is(tmp_path: Path) -> None:
    code = "def model_fn(d): ...\ndef transform_fn(m, data, content_type, accept): return data, 'text/csv'\n"
    model = loaded(artifact(tmp_path, inference=code))
    assert invoke(model, b"1", accept="\x01") == (b"1", "text/csv")
