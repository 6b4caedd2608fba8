"""A local AWS in which a second of an update's waits and of an alarm's period takes 0.02 s."""

from collections.abc import Iterator

import pytest

from local_aws.process import LocalAws
from tests.local_aws.account import Account


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("updates")
    with LocalAws(
        directory=folder / "run",
        port=0,
        provider="none",
        runtime="process",
        startup_health_check_seconds=4,
        time_factor=0.02,
        log_file=folder / "aws.log",
    ) as aws:
        yield aws


@pytest.fixture(scope="session")
def account(local_aws: LocalAws) -> Account:
    account = Account(local_aws)
    account.prepare()
    return account
