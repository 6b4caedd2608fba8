"""The program against an endpoint that the test writes: real HTTP, real signatures."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from examples.load_test.__main__ import main
from model_catalog.lock import Lock, Model, Observed, Tensor, Version, version_key, write_lock
from tests.examples.conftest import Answer, Request, WebServer

Run = Callable[..., tuple[int, str, str]]


def model(name: str, *, inputs: bool = True) -> Model:
    tensor = Tensor(name="data", dtype="float32", shape=(1, 4))
    version = Version(
        version="1",
        sha256="ab" * 32,
        size_bytes=1,
        engine="onnxruntime",
        key=version_key(name, "1", "ab" * 32),
        slot=1,
        observed=Observed(inputs=(tensor,) if inputs else (), outputs=(), load_seconds=0.1),
    )
    return Model(versions=(version,))


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    write_lock(folder, Lock(models={"a": model("a"), "b": model("b"), "own": model("own", inputs=False)}))
    return folder


@pytest.fixture
def run(
    web: WebServer, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the program against `web` for a second, with other options as given."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "CATALOG_DIRECTORY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.chdir(tmp_path)

    def call(*flags: str, **changes: object) -> tuple[int, str, str]:
        options = {
            "endpoint": "e", "endpoint-url": web.url, "region": "us-east-1", "catalog": catalog,
            "rate": 40, "seconds": 1, "warm-up": 0.5, "connections": 8, **changes,
        }  # fmt: skip
        arguments = [str(part) for name, value in options.items() if value is not None for part in (f"--{name}", value)]
        monkeypatch.setattr(sys, "argv", ["load_test", *arguments, *flags])
        code = main()
        return code, *capsys.readouterr()

    return call


def invocations(web: WebServer) -> list[Request]:
    return [request for request in web.requests if request.path == "/endpoints/e/invocations"]


def answers(cold: tuple[str, ...] = (), errors: dict[str, Answer] | None = None) -> Callable[[Request], Answer]:
    """Answers of an endpoint: `cold` models mark their first one, `errors` fail."""
    seen: set[str] = set()

    def answer(request: Request) -> Answer:
        if not request.path.endswith("/invocations"):
            return Answer(status=403)
        name = request.headers["x-amzn-sagemaker-target-model"].split("/")[0]
        if errors and name in errors:
            return errors[name]
        first = name not in seen
        seen.add(name)
        marked = {"X-Amzn-SageMaker-Custom-Attributes": "cold-start"} if first and name in cold else {}
        return Answer(b"{}", headers=marked)

    return answer


def test_a_run_is_measured_and_told(run: Run, web: WebServer, tmp_path: Path) -> None:
    web.answer = answers()
    file = tmp_path / "result.json"
    code, output, errors = run(json=file)
    assert (code, errors) == (0, "")
    result = json.loads(file.read_text())
    sent = result["measured"]["sent"] + result["warm_up"]["sent"]
    assert sent == result["outcome"]["dispatched"] == len(invocations(web))
    assert result["measured"]["answered"] == result["measured"]["sent"] > 10
    assert result["plan"]["models"] == 2
    assert "40 a second, Zipf 1" in output
    assert "left out, for only their own code knows their inputs (--samples gives some): own" in output
    assert "CloudWatch was not read" in output  # the server refuses it
    decoded = HdrHistogram.decode(result["measured"]["histograms"]["warm"])
    assert decoded.get_total_count() == result["measured"]["answered"]
    assert "\x1b" not in output


def test_requests_are_signed_and_carry_the_models_input(run: Run, web: WebServer) -> None:
    web.answer = answers()
    run(model="b")
    for request in invocations(web):
        assert re.match(
            r"AWS4-HMAC-SHA256 Credential=test/\d{8}/us-east-1/sagemaker/", request.headers["authorization"]
        )
        assert request.headers["x-amzn-sagemaker-target-model"] == "b/1-abababababababab.tar.gz"
        assert request.headers["content-type"] == "application/x-npy"
        assert request.body.startswith(b"\x93NUMPY")


def test_cold_answers_are_those_that_the_server_marks(run: Run, web: WebServer) -> None:
    web.answer = answers(cold=("a", "b"))
    code, output, _ = run(json="-", **{"warm-up": 0})
    measured = json.loads(output)["measured"]
    assert code == 0
    assert measured["latency_ms"]["cold"]["count"] == 2
    assert {name: item["cold"] for name, item in measured["models"].items()} == {"a": 1, "b": 1}


def test_errors_are_counted_by_kind_and_change_the_exit_code(run: Run, web: WebServer) -> None:
    failed = Answer(
        json.dumps({"Message": "it failed", "OriginalStatusCode": 507}).encode(),
        424,
        {"x-amzn-errortype": "ModelError"},
    )
    web.answer = answers(errors={"b": failed})
    code, output, _ = run(zipf=0, json="-", **{"warm-up": 0})
    errors = json.loads(output)["measured"]["errors"]
    assert code == 2
    assert list(errors) == ["ModelError 507"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(b"{}", 400, {"x-amzn-errortype": "ValidationError:http://internal/"}), "ValidationError (400)"),
        (Answer(b"not JSON", 424, {"x-amzn-errortype": "ModelError"}), "ModelError"),
        (Answer(b"", 503), "HTTP (503)"),
        (Answer(b"half", declared_bytes=400), "answer broken off"),
    ],
    ids=["refused", "no JSON", "no code", "broken off"],
)
def test_any_answer_is_counted(run: Run, web: WebServer, answer: Answer, kind: str) -> None:
    web.answer = answers(errors={"a": answer})
    code, output, errors = run(model="a", json="-", rate=20, **{"warm-up": 0})
    found = json.loads(output)["measured"]
    assert code == 2, errors
    assert found["answered"] == 0
    assert list(found["errors"]) == [kind]


def test_a_trace_decides_when_which_model_is_called(run: Run, web: WebServer, tmp_path: Path) -> None:
    web.answer = answers()
    (tmp_path / "trace.csv").write_text("time,model\n10,b\n10.2,b/1-abababababababab.tar.gz\n10.4,a\n")
    code, output, _ = run(trace=tmp_path / "trace.csv", json="-", **{"warm-up": 0})
    result = json.loads(output)
    assert code == 0
    assert {name: item["sent"] for name, item in result["measured"]["models"].items()} == {"a": 1, "b": 2}
    assert 0.4 <= result["outcome"]["seconds"] < 5


def test_pictures_are_written(run: Run, web: WebServer, tmp_path: Path) -> None:
    web.answer = answers(cold=("a",))
    code, output, _ = run(plots=tmp_path / "plots")
    assert code == 0
    for name in ("latency.svg", "course.svg"):
        text = (tmp_path / "plots" / name).read_text()
        assert "prefers-color-scheme:dark" in text
        assert str(tmp_path / "plots" / name) in output.replace("\n", "")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"endpoint-url": None}, "add --aws"),
        ({"endpoint-url": "http://example.com"}, "an endpoint URL is that of the local AWS"),
        ({"rate": 51}, "--max-rate"),
        ({"model": "c"}, "e has no model c. Models there: a, b, own."),
        ({"model": "own"}, "there is no model to call"),
        ({"arrivals": "bursts"}, "--arrivals is poisson or uniform"),
        ({"endpoint": None}, "give --environment"),
        ({"trace": "none.csv"}, "cannot be read"),
        ({"json": "no/such/folder/result.json"}, "cannot be written"),
        ({"no-such-option": 1}, "No such option"),
    ],
    ids=str,
)
def test_a_mistake_is_a_message(run: Run, web: WebServer, changes: dict[str, object], complaint: str) -> None:
    web.answer = answers()
    code, _, errors = run(**changes)
    assert code == 1
    assert complaint in errors
    assert "Traceback" not in errors
