"""What Terraform sends is written down, and no credentials with it."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from local_aws.process import LocalAws
from tests.local_aws.account import Account, Signature
from tests.local_aws.test_process import command

PROVIDER = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) terraform-provider-aws/6.25.0 (+x) aws-sdk"
)
BACKEND = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) aws-sdk-go-v2/1.36.3"
SECRETS = ("very-secret-token",)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The lines that a few calls leave."""
    folder = tmp_path_factory.mktemp("recording")
    path = folder / "requests.jsonl"
    with LocalAws(
        directory=folder / "aws", port=0, provider="none", runtime="process", record=path, log_file=folder / "log"
    ) as aws:
        session = boto3.session.Session(aws.key.id, aws.key.secret, "very-secret-token", "us-east-1")

        def client(service: str, user_agent: str) -> Any:
            return session.client(service, endpoint_url=aws.url, config=Config(user_agent=user_agent))

        s3 = client("s3", BACKEND)
        s3.create_bucket(Bucket="states")
        s3.put_object(Bucket="states", Key="state", Body='{"é": 1}'.encode())
        s3.put_object(Bucket="states", Key="bytes", Body=b"\xff\x00")
        s3.put_object(Bucket="states", Key="large", Body=b"x" * 20_001)
        s3.get_object(Bucket="states", Key="large")["Body"].read()
        with requests.Session() as plain:
            plain.trust_env = False
            plain.headers["User-Agent"] = BACKEND
            for version in ("s3v4", "s3"):  # the older one names no service
                signer = session.client("s3", endpoint_url=aws.url, config=Config(signature_version=version))
                url = signer.generate_presigned_url("get_object", Params={"Bucket": "states", "Key": "state"})
                assert plain.get(url).status_code == 200
            chunks = "4;chunk-signature=abcdef\r\nlock\r\n0;chunk-signature=abcdef\r\n\r\n"
            headers = {
                "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                "X-Amz-Decoded-Content-Length": "4",
            }
            assert (
                plain.put(
                    f"{aws.url}/states/chunks", chunks, headers=headers, auth=Signature(aws.key, "s3")
                ).status_code
                == 200
            )
        client("ecr", PROVIDER).get_authorization_token()
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
        Account(aws).client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps(trust))
        client("sts", PROVIDER).assume_role(RoleArn="arn:aws:iam::123456789012:role/any", RoleSessionName="name")
        client("sagemaker", PROVIDER).list_models()
        Account(aws).client("iam").list_roles()
    text = path.read_text()
    assert not [secret for secret in (*SECRETS, aws.key.id, aws.key.secret) if secret in text]
    return [json.loads(line) for line in text.splitlines()]


def one(recorded: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    (line,) = [line for line in recorded if all(line[name] == value for name, value in fields.items())]
    return line


def test_terraform_and_its_provider_and_nobody_else(recorded: list[dict[str, Any]]) -> None:
    assert {(line["client"], line["service"]) for line in recorded} == {
        ("terraform", None),
        ("terraform", "s3"),
        ("provider", "ecr"),
        ("provider", "sts"),
        ("provider", "sagemaker"),
    }


def test_a_line(recorded: list[dict[str, Any]]) -> None:
    line = one(recorded, service="sagemaker")
    assert list(line) == [
        *("client", "service", "method", "raw_path", "query", "headers", "body"),
        *("status", "response_headers", "response_body"),
    ]
    assert (line["method"], line["raw_path"], line["query"], line["status"]) == ("POST", "/", "", 200)
    assert line["headers"].keys() == {"host", "content-length", "content-type", "x-amz-target"}
    assert line["headers"]["x-amz-target"] == "SageMaker.ListModels"
    assert (line["body"], line["response_body"]) == ("{}", '{"Models": []}')
    assert line["response_headers"]["content-type"] == "application/x-amz-json-1.1"


def test_bodies(recorded: list[dict[str, Any]]) -> None:
    assert one(recorded, raw_path="/states/state", method="PUT")["body"] == '{"é": 1}'
    assert one(recorded, raw_path="/states/bytes")["body"] == "base64:/wA="
    assert one(recorded, raw_path="/states/large", method="PUT")["body"] == "(20001 bytes)"
    assert one(recorded, raw_path="/states/large", method="GET")["response_body"] == "(20001 bytes)"
    assert one(recorded, raw_path="/states/chunks")["body"] == (
        "4;chunk-signature=000000\r\nlock\r\n0;chunk-signature=000000\r\n\r\n"
    )


def test_what_is_secret_is_left_out(recorded: list[dict[str, Any]]) -> None:
    for line in recorded:
        assert not [name for name in ("signature", "credential", "token", "accesskey") if name in line["query"].lower()]
    token = json.loads(one(recorded, service="ecr")["response_body"])["authorizationData"][0]["authorizationToken"]
    assert set(token) == {"0"}
    answer = one(recorded, service="sts")["response_body"]
    for name in ("SecretAccessKey", "SessionToken"):
        assert set(answer.partition(f"<{name}>")[2].partition("<")[0]) == {"0"}
    for line in recorded:
        assert not {"authorization", "x-amz-security-token"} & line["headers"].keys()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "nothing" / "requests.jsonl"
    done = command("serve", "--port", "0", "--directory", str(tmp_path / "aws"), "--record", str(path))
    assert done.returncode == 1
    assert done.stderr == (
        f"local AWS: --record {path}: No such file or directory. Name a file in a folder that exists.\n"
    )
    assert not (tmp_path / "aws").exists()
