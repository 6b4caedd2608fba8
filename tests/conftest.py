"""What holds for all tests: how they are spread over processes, and what runs endpoints."""

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class OneEngine(LoadScopeScheduling):
    """Tests one by one to whichever process is free; those that share the container engine, all to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/docker" if nodeid.startswith("tests/docker/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneEngine:
    # xdist's own --dist loadgroup is without effect under pytest 9.
    return OneEngine(config, log)


SLOW = (
    "tests/docker/",
    "tests/end_to_end/",
    "tests/benchmarks/test_endurance.py",
    "tests/benchmarks/test_reliability.py",
    "tests/github/test_steps.py",
    "tests/local_aws/provider/test_parity.py",
    "tests/local_aws/sdks/",
    "tests/local_aws/updates/",
)
"""Half of the time: whole deployments, container engines, updates of endpoints. `make test` leaves them to
`make test-all` and to continuous integration."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_configure() -> None:
    # An engine that happens to run on the machine must not make the tests of everything else slower and different.
    os.environ.setdefault("LOCAL_AWS_RUNTIME", "process")
