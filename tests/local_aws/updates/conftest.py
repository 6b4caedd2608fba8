"""A local AWS of their own: updates take longer than other tests allow an invocation and a load."""

from collections.abc import Iterator

import pytest

from local_aws.process import LocalAws
from tests.local_aws.account import Account, prepared_account, quick_local_aws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with quick_local_aws(tmp_path_factory.mktemp("updates"), startup_health_check_seconds=4) as aws:
        yield aws


@pytest.fixture(scope="session")
def account(local_aws: LocalAws) -> Account:
    return prepared_account(local_aws)
