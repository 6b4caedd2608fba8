import json
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from examples.invoke_endpoint import (
    BODY_MAXIMUM_BYTES,
    InvocationError,
    Label,
    Prediction,
    check_endpoint_url,
    content_type_of,
    main,
    predict,
    read_input,
    read_prediction,
)
from model_catalog.lock import Lock, Model, Version, write_lock
from tests.examples.conftest import Answer, WebServer

PNG = b"\x89PNG\r\n\x1a\n rest"
KEY = "net/1-abababababababab.tar.gz"
LABELS = [[{"label": "dog", "index": 1, "score": 0.9}, {"label": "cat", "index": 0, "score": 0.1}]]
GOOD = Answer(
    json.dumps({"outputs": [[0.1, 0.9]], "labels": LABELS}).encode(), headers={"Content-Type": "application/json"}
)


def aws_error(status: int, code: str, **fields: object) -> Answer:
    headers = {"x-amzn-errortype": code, "Content-Type": "application/json"}
    return Answer(json.dumps(fields).encode(), status, headers)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    version = Version(version="1", sha256="ab" * 32, size_bytes=1, engine="mxnet", key=KEY)
    write_lock(folder, Lock(models={"net": Model(versions=(version,))}))
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    path.write_bytes(PNG)
    return path


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    web: WebServer, catalog: Path, image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the program against `web`; options may be replaced by name."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "CATALOG_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def call(**changes: object) -> tuple[int, str, str]:
        options = {
            "endpoint": "endpoint", "model": "net", "image": image, "endpoint-url": web.url, "region": "us-east-1",
            "catalog": catalog, **changes,
        }  # fmt: skip
        arguments = [str(part) for name, value in options.items() if value is not None for part in (f"--{name}", value)]
        monkeypatch.setattr(sys, "argv", ["invoke_endpoint", *arguments])
        try:
            code = main()
        except SystemExit as error:
            code = int(error.code or 0)
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def test_shows_labels_and_times(run: Run, web: WebServer) -> None:
    web.answer = lambda _: GOOD
    code, output, errors = run()
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[:3] == [f"net ({KEY}) on endpoint", "dog\t1\t0.9000", "cat\t0\t0.1000"]
    assert lines[3].startswith("first call ")
    assert "second call (warm)" in lines[3]
    assert [request.path for request in web.requests] == ["/endpoints/endpoint/invocations"] * 2
    headers = web.requests[0].headers
    assert headers["x-amzn-sagemaker-target-model"] == KEY
    assert (headers["content-type"], headers["accept"]) == ("image/png", "application/json")
    assert web.requests[0].body == PNG


LOCAL = {
    "local_aws": {},
    "region": "eu-central-1",
    "account_id": "123456789012",
    "instance_type": "ml.m5.large",
    "shards": {"count": 2, "pins": {"net": 2}},
}


WriteSettings = Callable[..., None]


@pytest.fixture
def write_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteSettings:
    """Writes the settings of the project that the program is run in."""
    monkeypatch.chdir(tmp_path)

    def write(**environments: object) -> None:
        (tmp_path / "cdktf.json").write_text(json.dumps({"context": {"environments": environments}}))

    return write


def test_the_settings_of_an_environment_name_the_endpoint_of_the_model_s_shard_and_its_region(
    run: Run, web: WebServer, write_settings: WriteSettings
) -> None:
    web.answer = lambda _: GOOD
    write_settings(local=LOCAL)
    code, output, errors = run(environment="local", endpoint=None, region="us-west-2")
    assert (code, errors) == (0, "")
    assert output.startswith(f"net ({KEY}) on multi-model-local-2\n")
    assert {request.path for request in web.requests} == {"/endpoints/multi-model-local-2/invocations"}
    assert "/eu-central-1/sagemaker/" in web.requests[0].headers["authorization"]


def test_the_settings_of_a_local_environment_name_its_url(
    run: Run, web: WebServer, write_settings: WriteSettings
) -> None:
    web.answer = lambda _: GOOD
    write_settings(local={**LOCAL, "local_aws": {"endpoint_url": web.url}})
    options = {"environment": "local", "endpoint": None, "region": None, "endpoint-url": None}
    assert run(**options)[0] == 0
    assert len(web.requests) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment": "dev"}, 'the variable ENVIRONMENT is "dev", which is none of the environments: local.'),
        ({"environment": None}, "give --environment, whose settings name the endpoint, or --endpoint."),
        ({"environment": "local", "endpoint": "other"}, "give --environment, whose settings name the endpoint, or"),
        ({"environment": "local", "model": "other"}, "model other: not in the catalog. Models there: net."),
    ],
)
def test_an_environment_that_does_not_lead_to_an_endpoint(
    run: Run, web: WebServer, write_settings: WriteSettings, changes: dict[str, str], message: str
) -> None:
    write_settings(local=LOCAL)
    code, output, errors = run(**{"endpoint": None, **changes})
    assert (code, output) == (1, "")
    assert message in errors
    assert web.requests == []


def test_numbers_are_sent_as_json(run: Run, web: WebServer, tmp_path: Path) -> None:
    web.answer = lambda _: GOOD
    (tmp_path / "row.json").write_text('{"instances": [[1, 2]]}')
    assert run(image=tmp_path / "row.json")[0] == 0
    assert web.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "messages"),
    [
        (
            aws_error(400, "ValidationError", Message="Endpoint endpoint of account 1 not found."),
            ["ValidationError: Endpoint endpoint of account 1 not found.", "check the endpoint's name"],
        ),
        (
            aws_error(424, "ModelError", OriginalStatusCode=400, OriginalMessage="no image", Message="long"),
            [f"the model {KEY} answered with status 400: no image"],
        ),
        (aws_error(429, "ModelNotReadyException", Message="loading"), ["the model is still loading; try again"]),
        (aws_error(403, "AccessDeniedException", Message="no"), ["the caller needs sagemaker:InvokeEndpoint"]),
        (aws_error(500, "InternalFailure", Message="oops"), ["InternalFailure: oops"]),
        (Answer(b'{"predictions": 1}'), ['the answer holds no scores of classes; it begins with: {"predictions": 1}']),
        (Answer(b"\xff\xfe"), ["the answer holds no scores"]),
    ],
)
def test_errors_are_readable(run: Run, web: WebServer, answer: Answer, messages: list[str]) -> None:
    web.answer = lambda _: answer
    code, output, errors = run()
    assert (code, output) == (1, "")
    assert errors.startswith("error: ")
    assert "Traceback" not in errors
    for message in messages:
        assert message in errors
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "other"}, "model other: not in the catalog. Models there: net."),
        ({"catalog": "/nonexistent"}, "the lock file is missing"),
        ({"image": "/nonexistent.png"}, "/nonexistent.png: No such file or directory."),
        ({"image": "http://127.0.0.1:1/x.png"}, "http://127.0.0.1:1/x.png: "),
        ({"region": None}, "no region is set; give --region or set AWS_REGION."),
        ({"endpoint-url": "http://127.0.0.1:1"}, "endpoint cannot be reached"),
        ({"endpoint-url": "https://example.com"}, "https://example.com: an endpoint URL is that of the local AWS"),
    ],
)
def test_mistakes_are_answered_before_anything_is_sent(
    run: Run, web: WebServer, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], message: str
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    code, output, errors = run(**changes)
    assert (code, output) == (1, "")
    assert message in errors
    assert web.requests == []


def test_missing_credentials_say_what_to_set(run: Run, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, _, errors = run()
    assert (code, "there are no AWS credentials; set AWS_PROFILE" in errors) == (1, True)
    assert web.requests == []


def test_an_image_may_come_from_a_url(web: WebServer) -> None:
    web.answer = lambda request: Answer(PNG) if request.path == "/a.png" else Answer(status=404)
    assert read_input(f"{web.url}/a.png") == PNG
    with pytest.raises(InvocationError, match="404"):
        read_input(f"{web.url}/b.png")
    web.answer = lambda _: Answer(b"x" * (BODY_MAXIMUM_BYTES + 1))
    with pytest.raises(InvocationError, match="larger than the 6291456 bytes SageMaker takes"):
        read_input(f"{web.url}/a.png")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x93NUMPY\x01\x00", "application/x-npy"),
        (b"[[1, 2]]", "application/json"),
        (b' {"instances": []}', "application/json"),
    ],
)
def test_the_content_says_what_it_is(body: bytes, expected: str) -> None:
    assert content_type_of(body) == expected


@pytest.mark.parametrize("body", [b"", b"GIF89a", b"hello", b"[" * 100_000])
def test_other_content_is_refused(body: bytes) -> None:
    with pytest.raises(InvocationError, match="neither a JPEG, a PNG, an npy array nor JSON"):
        content_type_of(body)


def test_a_file_that_is_too_large_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(PNG + bytes(BODY_MAXIMUM_BYTES))
    client = boto3.client("sagemaker-runtime", region_name="us-east-1", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(InvocationError, match="SageMaker takes at most 6291456"):
        predict(client, "endpoint", KEY, tmp_path / "large.png")


def test_an_answer_without_labels_names_classes_by_their_number() -> None:
    prediction = read_prediction(b'{"outputs": [[0.1, 0.7, 0.2, 0, 0, 0]]}')
    assert prediction.best == Label("class 1", 1, 0.7)
    assert [label.index for label in prediction.labels] == [1, 2, 0, 3, 4]
    assert prediction == Prediction(prediction.labels, (0.1, 0.7, 0.2, 0, 0, 0))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://runtime.sagemaker.us-east-1.amazonaws.com", True),
        ("https://vpce-1.runtime.sagemaker.cn-north-1.vpce.amazonaws.com.cn", True),
        ("http://runtime.sagemaker.us-east-1.amazonaws.com", False),
        ("https://amazonaws.com.example.com", False),
        ("http://10.0.0.1", False),
        ("ftp://127.0.0.1", False),
        ("", False),
    ],
)
def test_only_aws_and_this_machine_are_asked(url: str, allowed: bool) -> None:
    if allowed:
        check_endpoint_url(url)
    else:
        with pytest.raises(InvocationError):
            check_endpoint_url(url)
