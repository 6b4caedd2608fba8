"""One local AWS for all tests of a worker; it is quicker to start than to clean."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.process import LocalAws
from tests.local_aws.account import Account


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder: Path = tmp_path_factory.mktemp("aws")
    with LocalAws(
        directory=folder / "run",
        port=0,
        provider="none",
        runtime="process",
        startup_health_check_seconds=3,
        load_timeout_seconds=4,
        invocation_timeout_seconds=1.5,
        time_factor=0.02,
        log_file=folder / "aws.log",
    ) as aws:
        yield aws


@pytest.fixture(scope="session")
def account(local_aws: LocalAws) -> Account:
    account = Account(local_aws)
    account.prepare()
    return account
