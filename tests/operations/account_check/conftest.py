"""One local AWS, and accounts seen with any settings."""

from collections.abc import Callable, Iterator
from typing import Any

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
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(directory=folder / "aws", port=0, provider="none", runtime="process", log_file=folder / "log") as aws:
        yield aws


@pytest.fixture
def url(aws: LocalAws) -> str:
    return aws.url


@pytest.fixture
def client(aws: LocalAws) -> Callable[..., BaseClient]:
    """Makes clients of the account's owner."""

    def make(service: str, region: str = REGION) -> BaseClient:
        return aws.session(region).client(service, endpoint_url=aws.url)

    return make


@pytest.fixture
def account_of(aws: LocalAws) -> AccountOf:
    """The account as an environment with these settings sees it."""

    def make(environment: str = "dev", **settings: Any) -> Account:
        block = {**SETTINGS, "local_aws": {"endpoint_url": aws.url}, **settings}
        parsed = parse_settings({"environments": {environment: block}}, {}).environments[environment]
        variables = {"AWS_ACCESS_KEY_ID": aws.key.id, "AWS_SECRET_ACCESS_KEY": aws.key.secret}
        return Account(Names(environment, parsed), variables)

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
