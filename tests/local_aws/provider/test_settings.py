"""The provider block."""

from pathlib import Path
from typing import Any

import pytest

from local_aws.access_key import AccessKey
from local_aws.process import LocalAws
from local_aws.provider.clients import ClientPool, require_loopback
from local_aws.provider.errors import ProviderError
from local_aws.provider.schema import load_schema
from local_aws.provider.server import ProviderServer
from local_aws.provider.settings import ProviderSettings, read_settings

KEY = AccessKey.generate()
BLOCK = load_schema().provider
URL = "http://127.0.0.1:4566"
# Nothing listens on port 1.
CLOSED = "http://127.0.0.1:1"
FOLDER = Path("/of/terraform")


def read(url: str = URL, key: AccessKey = KEY, **arguments: Any) -> tuple[ProviderSettings, list]:
    return read_settings(BLOCK.conform(arguments), url, ClientPool(key), FOLDER)


@pytest.mark.parametrize("url", [URL, "http://localhost:1", "https://[::1]:4566", "http://127.9.9.9"])
def test_loopback(url: str) -> None:
    assert require_loopback(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.us-east-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://user@example.com#@127.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:4566",
        "http://[::",
        "",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ProviderError, match="not on loopback"):
        require_loopback(url)
    with pytest.raises(ProviderError, match="not on loopback"):
        ProviderServer(url, KEY)


def test_every_endpoint_that_is_not_loopback_is_named() -> None:
    endpoints = {"s3": URL, "iam": "https://iam.amazonaws.com", "sts": "http://192.168.0.1"}
    with pytest.raises(ProviderError) as failure:
        read(endpoints=[endpoints])
    summaries = [problem.summary for problem in failure.value.problems]
    assert summaries == [
        "Endpoint https://iam.amazonaws.com is not on loopback",
        "Endpoint http://192.168.0.1 is not on loopback",
    ]


def test_endpoints_go_to_their_services() -> None:
    settings, warnings = read(endpoints=[{"s3": "http://127.0.0.1:1", "appautoscaling": "http://127.0.0.1:2"}])
    urls = {
        name: settings.clients.client(name).meta.endpoint_url
        for name in ("s3", "application-autoscaling", "iam", "sts")
    }
    assert urls == {
        "s3": "http://127.0.0.1:1",
        "application-autoscaling": "http://127.0.0.1:2",
        "iam": URL,
        "sts": URL,
    }
    assert warnings == []


def test_no_endpoints_at_all_is_worth_a_warning() -> None:
    _, warnings = read()
    assert [(warning.is_warning, warning.summary) for warning in warnings] == [
        (True, "Everything goes to the local AWS, not to AWS")
    ]


def test_the_machine_is_never_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-west-3\nendpoint_url = http://192.168.0.1\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_PROFILE": "no-such-profile",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_ENDPOINT_URL_S3": "http://192.168.0.1",
        "AWS_REGION": "eu-west-3",
        "HTTP_PROXY": "http://192.168.0.1:3128",
    }.items():
        monkeypatch.setenv(name, value)
    settings, _ = read()
    client = settings.clients.client("s3")
    assert client.meta.endpoint_url == URL
    assert client.meta.region_name == "us-east-1"
    assert client.meta.config.proxies == {}
    credentials = client._request_signer._credentials
    assert (credentials.access_key, credentials.secret_key, credentials.token) == (KEY.id, KEY.secret, None)


def test_region_of_a_resource() -> None:
    settings, _ = read(region="eu-west-1")
    assert settings.region == "eu-west-1"
    assert settings.clients.client("s3", "us-west-2").meta.region_name == "us-west-2"
    assert settings.clients.client("s3") is settings.clients.client("s3", "eu-west-1")


def test_configurations_that_are_the_same_share_their_clients() -> None:
    pool = ClientPool(KEY)
    first, _ = read_settings(BLOCK.conform({"default_tags": [{"tags": {"a": "b"}}]}), URL, pool, FOLDER)
    second, _ = read_settings(BLOCK.conform({}), URL, pool, FOLDER)
    third, _ = read_settings(BLOCK.conform({"region": "eu-west-1"}), URL, pool, FOLDER)
    assert first.clients is second.clients
    assert third.clients is not second.clients
    assert (first.default_tags, second.default_tags) == ({"a": "b"}, {})


def test_tags_that_are_not_terraforms_business() -> None:
    settings, _ = read(ignore_tags=[{"keys": ["owner"], "key_prefixes": ["k8s/"]}])
    assert settings.own_tags({"aws:x": "1", "owner": "2", "k8s/y": "3", "mine": "4"}) == {"mine": "4"}


def test_a_role_is_assumed(local_aws: LocalAws) -> None:
    arn = "arn:aws:iam::123456789012:role/deployer"
    document = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}}'
    settings, _ = read(local_aws.url, local_aws.key)
    iam = settings.clients.client("iam")
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=document)
    assuming, _ = read(local_aws.url, local_aws.key, assume_role=[{"role_arn": arn, "session_name": "build"}])
    assert assuming.clients.identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/deployer/build"
    with pytest.raises(ProviderError, match=f"assuming the role {arn}-too: AssumeRole failed: AccessDenied"):
        read(local_aws.url, local_aws.key, assume_role=[{"role_arn": f"{arn}-too"}])


def test_accounts(local_aws: LocalAws) -> None:
    read(local_aws.url, local_aws.key, allowed_account_ids=["123456789012"])
    with pytest.raises(ProviderError, match="AWS account ID not allowed: 123456789012"):
        read(local_aws.url, local_aws.key, allowed_account_ids=["999999999999"])
    with pytest.raises(ProviderError, match="forbidden_account_ids"):
        read(local_aws.url, local_aws.key, forbidden_account_ids=["123456789012"])


def test_a_local_aws_that_does_not_answer() -> None:
    with pytest.raises(ProviderError, match=r"local AWS at http://127\.0\.0\.1:1 does not answer Is it running\?"):
        read(CLOSED, allowed_account_ids=["123456789012"], max_retries=0)
