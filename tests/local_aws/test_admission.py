"""What a web page, a program without the key, and a program with another one may do: nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local_aws.access_key import AccessKey
from local_aws.admission import why_foreign
from local_aws.directory import Running
from local_aws.process import LocalAws
from tests.local_aws.account import ACCOUNT_ID, BUCKET, ROLE, Account, Signature, unique

CREATE_ENDPOINT = {"X-Amz-Target": "SageMaker.CreateEndpoint", "Content-Type": "application/x-amz-json-1.1"}
FOREIGN = "http://evil.example"


@pytest.fixture
def page() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:4566",
        "localhost:1",
        "LOCALHOST",
        "[::1]:4566",
        "models.localhost",
        "1234.127.0.0.1:4566",
    ],
)
def test_hosts_of_this_machine(host: str) -> None:
    assert why_foreign({"host": host}) is None
    assert why_foreign({"host": host, "origin": f"http://{host}"}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "evil127.0.0.1",
        "10.0.0.1:4566",
        "0.0.0.0",
        "127.0.0.1@evil.example",
        "s3.us-east-1.amazonaws.com",
        "127.0.0.1\n",
    ],
)
def test_other_hosts(host: str) -> None:
    assert "does not answer requests for host" in why_foreign({"host": host})


@pytest.mark.parametrize(
    "origin",
    [
        FOREIGN,
        "null",
        "",
        "http://127.0.0.1:4567",
        "https://127.0.0.1:4566",
        "http://localhost:4566",
        "http://[",
        "file://",
    ],
)
def test_pages_of_other_origins(origin: str) -> None:
    assert "web pages of another origin" in why_foreign({"host": "127.0.0.1:4566", "origin": origin})


@given(st.text())
def test_any_text_as_host_and_origin_gets_an_answer(text: str) -> None:
    assert why_foreign({"host": "127.0.0.1:1", "origin": text}) is not None
    assert why_foreign({"host": f"127.0.0.1.{text}.example"}) is not None
    assert why_foreign({"host": f"{text}.example"}) is not None


@pytest.mark.parametrize("foreign", [{"Origin": FOREIGN}, {"Host": "evil.example"}, {"Origin": "null"}])
def test_a_page_creates_no_endpoint_even_with_the_key(
    account: Account, page: requests.Session, foreign: dict[str, str]
) -> None:
    name = unique("from-a-page")
    body = f'{{"ModelName": "{name}", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution"}}'
    headers = {
        **CREATE_ENDPOINT,
        "X-Amz-Target": "SageMaker.CreateModel",
    }
    answer = page.post(account.url, body, headers=headers | foreign, auth=Signature(account.key, "sagemaker"))
    assert answer.status_code == 403
    assert not [header for header in answer.headers if header.lower().startswith("access-control-")]
    with pytest.raises(ClientError, match="Could not find model"):
        account.sagemaker.describe_model(ModelName=name)


@pytest.mark.parametrize("path", ["/", f"/{BUCKET}/key", "/moto-api/reset", "/_local/status", "/v2/"])
@pytest.mark.parametrize("origin", [FOREIGN, None])
def test_options_gives_no_permission(account: Account, page: requests.Session, path: str, origin: str | None) -> None:
    headers = {"Access-Control-Request-Method": "POST", **({"Origin": origin} if origin else {})}
    answer = page.options(account.url + path, headers=headers)
    assert answer.status_code == 403
    assert not [header for header in answer.headers if header.lower().startswith("access-control-")]


def test_answers_of_moto_give_no_permission(account: Account, page: requests.Session) -> None:
    url = account.s3.generate_presigned_url("list_objects_v2", Params={"Bucket": BUCKET})
    answer = page.get(url)
    assert answer.status_code == 200
    assert not [header for header in answer.headers if header.lower().startswith("access-control-")]


UNKNOWN = AccessKey.generate()


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        ("sagemaker", "list_models", {}, "UnrecognizedClientException"),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b""}, "UnrecognizedClientException"),
        ("s3", "list_objects_v2", {"Bucket": BUCKET}, "InvalidAccessKeyId"),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "k", "Body": b"x"}, "InvalidAccessKeyId"),
        ("iam", "list_roles", {}, "InvalidClientTokenId"),
        ("sts", "get_caller_identity", {}, "InvalidClientTokenId"),
        ("ecr", "describe_repositories", {}, "UnrecognizedClientException"),
        ("cloudwatch", "list_metrics", {}, ("InvalidClientTokenId", "UnrecognizedClientException")),
        ("lambda", "list_functions", {}, "UnrecognizedClientException"),
    ],
)
@pytest.mark.parametrize("key", [UNKNOWN, AccessKey("test", "test")], ids=["another-key", "test"])
def test_another_key_is_refused_in_the_words_of_the_service(  # noqa: PLR0917 - a table
    local_aws: LocalAws, key: AccessKey, service: str, operation: str, arguments: dict[str, Any], code: Any
) -> None:
    client = Account(Running(1, local_aws.url, key)).client(service)
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**arguments)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error.value.response["Error"]["Code"] in ((code,) if isinstance(code, str) else code)
    assert "python -m local_aws env" in error.value.response["Error"]["Message"]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_need_the_key(account: Account, page: requests.Session, version: str) -> None:
    stranger = Account(Running(1, account.url, UNKNOWN)).client("s3", signature_version=version)
    place = {"Bucket": BUCKET, "Key": unique("presigned")}
    account.s3.put_object(**place, Body=b"x")
    assert page.get(stranger.generate_presigned_url("get_object", Params=place)).status_code == 403
    own = account.client("s3", signature_version=version)
    assert page.get(own.generate_presigned_url("get_object", Params=place)).content == b"x"
    assert page.get(f"{account.url}/{BUCKET}/{place['Key']}").status_code == 403


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_forms_of_browsers_need_the_key(account: Account, page: requests.Session, version: str) -> None:
    for key, expected in ((account.key, 204), (UNKNOWN, 403)):
        name = unique("posted")
        client = Account(Running(1, account.url, key)).client("s3", signature_version=version)
        form = client.generate_presigned_post(BUCKET, name)
        answer = page.post(form["url"], data=form["fields"], files={"file": b"content"})
        assert answer.status_code == expected, answer.text
    assert page.post(f"{account.url}/{BUCKET}", files={"file": b"content"}).status_code == 403


def test_keys_that_the_account_issues_are_right(account: Account) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    issued = Account(Running(1, account.url, AccessKey(made["AccessKeyId"], made["SecretAccessKey"])))
    assert issued.client("sts").get_caller_identity()["Arn"].endswith(":user/ann")
    iam.update_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        issued.client("sts").get_caller_identity()


@pytest.mark.parametrize("path", ["/_local/status", "/_local/nothing", "/moto-api/data.json", "/moto-api/"])
def test_own_pages_need_the_key_as_user_and_password(account: Account, page: requests.Session, path: str) -> None:
    own = (account.key.id, account.key.secret)
    for auth in (None, ("x", "y"), (account.key.id, "y"), (UNKNOWN.id, account.key.secret)):
        answer = page.get(account.url + path, auth=auth)
        assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
        assert account.key.secret not in answer.text
    assert page.get(account.url + path, auth=own).status_code in (200, 404)
    assert page.get(account.url + path, auth=own, headers={"Origin": FOREIGN}).status_code == 403


def test_layers_need_the_token_of_their_url(account: Account, page: requests.Session) -> None:
    name = unique("layers")
    account.ecr.create_repository(repositoryName=name)
    account.push(Path(__file__).parent / "fake_container", name, "1")
    image = account.ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1"}])["images"][0]
    digest = image["imageManifest"].split('"layers"')[1].split('"digest": "')[1].split('"')[0]
    url = account.ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest)["downloadUrl"]
    assert page.get(url).status_code == 200
    assert page.get(url.partition("?")[0]).status_code == 401
    assert page.get(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 401


def test_the_registry_needs_the_login_that_ecr_gives(account: Account, page: requests.Session) -> None:
    for auth in (None, ("AWS", "local"), ("AWS", account.key.secret)):
        answer = page.get(f"{account.url}/v2/", auth=auth)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_two_starts_have_two_keys() -> None:
    keys = {AccessKey.generate().id for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {20}


def test_a_reset_resets_everything(tmp_path: Path) -> None:
    with LocalAws(
        directory=tmp_path / "aws", port=0, provider="none", runtime="process", log_file=tmp_path / "log"
    ) as aws:
        account = Account(aws)
        account.prepare()
        endpoint, prefix = account.serve()
        account.put_model(prefix, "m")
        scratch = Path(account.invoke(endpoint, "m")["environment"]["TMPDIR"])
        target = f"endpoint/{endpoint}/variant/AllTraffic"
        scaling = account.client("application-autoscaling")
        scaling.register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=target,
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=1,
            MaxCapacity=2,
        )
        assert requests.post(f"{aws.url}/moto-api/reset", timeout=30).status_code == 401
        assert scratch.exists()
        answer = requests.post(f"{aws.url}/moto-api/reset", timeout=30, auth=(aws.key.id, aws.key.secret))
        assert answer.status_code == 200
        assert not scratch.exists()
        assert account.sagemaker.list_endpoints()["Endpoints"] == []
        assert account.sagemaker.list_models()["Models"] == []
        assert account.client("iam").list_roles()["Roles"] == []
        assert account.s3.list_buckets()["Buckets"] == []
        assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
        assert account.client("cloudwatch").list_metrics()["Metrics"] == []
        assert account.client("logs").describe_log_groups()["logGroups"] == []
        account.prepare()
        again, prefix = account.serve()
        account.put_model(prefix, "m")
        assert account.invoke(again, "m")


def test_a_container_acts_with_its_role(account: Account) -> None:
    """What boto3 in a handler does: it asks the URL in its environment for credentials, and reads from S3 with them."""
    endpoint, prefix = account.serve()
    account.put_model(prefix, "m")
    account.s3.put_object(Bucket=BUCKET, Key="labels.json", Body=b"[1]")
    environment = account.invoke(endpoint, "m")["environment"]
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HTTP_PROXY"} & set(environment)
    assert account.key.secret not in str(environment)
    program = (
        "import boto3\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])\n"
        f"print(boto3.client('s3').get_object(Bucket={BUCKET!r}, Key='labels.json')['Body'].read().decode())\n"
    )
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == [
        f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/execution/SageMaker",
        "[1]",
    ], done.stderr


def test_role_credentials_need_the_token_of_the_role(account: Account, page: requests.Session) -> None:
    endpoint, prefix = account.serve()
    account.put_model(prefix, "m")
    environment = account.invoke(endpoint, "m")["environment"]
    url, token = (environment[f"AWS_CONTAINER_{name}"] for name in ("CREDENTIALS_FULL_URI", "AUTHORIZATION_TOKEN"))
    assert page.get(url, headers={"Authorization": token}).json()["AccessKeyId"]
    assert page.get(url).status_code == 403
    assert page.get(url.replace("execution", "admin"), headers={"Authorization": token}).status_code == 403


def test_an_isolated_container_has_no_credentials(account: Account) -> None:
    model = unique("isolated")
    container = {"Image": account.fake_image, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/{model}/"}
    account.sagemaker.create_model(
        ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE, EnableNetworkIsolation=True
    )
    endpoint = account.create_endpoint(account.create_config(model))
    assert account.await_settled(endpoint)["EndpointStatus"] == "InService"
    account.put_model(model, "m")
    assert not [name for name in account.invoke(endpoint, "m")["environment"] if name.startswith("AWS_")]
