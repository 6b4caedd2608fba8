"""One local AWS, and accounts seen with any settings."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local_aws.account import ACCOUNT_ID, REGION
from local_aws.process import LocalAws
from operations.account_check.account import Account
from stacks.names import Names
from stacks.settings_reader import parse_settings

SETTINGS = {"region": REGION, "account_id": ACCOUNT_ID, "instance_type": "ml.m5.large"}
AccountOf = Callable[..., Account]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(directory=folder / "aws", port=0, provider="none", runtime="process", log_file=folder / "log") as aws:
        yield aws.url


@pytest.fixture
def client(url: str) -> Callable[..., BaseClient]:
    """Makes clients of the account's owner."""

    def make(service: str, region: str = REGION) -> BaseClient:
        return boto3.session.Session("test", "test", region_name=region).client(service, endpoint_url=url)

    return make


@pytest.fixture
def account_of(url: str) -> AccountOf:
    """The account as an environment with these settings sees it."""

    def make(environment: str = "dev", **settings: Any) -> Account:
        block = {**SETTINGS, "local_aws": {"endpoint_url": url}, **settings}
        parsed = parse_settings({"environments": {environment: block}}, {}).environments[environment]
        return Account(Names(environment, parsed))

    return make


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that are called from now on."""
    made: list[str] = []
    call = BaseClient._make_api_call

    def recorded(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        made.append(operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)
    return made


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts an answer, or the error of a code, in the place of what AWS says to an operation."""
    prepared: dict[str, Any] = {}
    call = BaseClient._make_api_call

    def answered(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        found = prepared.get(operation)
        if found is None:
            return call(self, operation, parameters)
        if isinstance(found, str):
            response = {"Error": {"Code": found, "Message": "Prepared."}, "ResponseMetadata": {"HTTPHeaders": {}}}
            raise ClientError(response, operation)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)

    def prepare(**answers: Any) -> None:
        prepared.update(answers)

    return prepare
