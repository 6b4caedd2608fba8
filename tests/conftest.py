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


def pytest_configure() -> None:
    # An engine that happens to run on the machine must not make the tests of everything else slower and different.
    os.environ.setdefault("LOCAL_AWS_RUNTIME", "process")
