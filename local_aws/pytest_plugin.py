"""A pytest plugin for other projects: a local AWS for the tests of a session.

In the other project's conftest.py: `pytest_plugins = ["local_aws.pytest_plugin"]`, with this checkout on PYTHONPATH.
local_aws/README.md has an example.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .environment import PROXIES, UNWANTED
from .process import LocalAws


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("local AWS")
    group.addoption(
        "--local-aws-python",
        type=Path,
        help="Python that has the local AWS's packages, for example .venv/bin/python of its checkout "
        "(default: that of the tests).",
    )
    parser.addini("local_aws_time_factor", "how long a second of an update's waits takes (default 1)", default="1")


@pytest.fixture(scope="session")
def local_aws_settings(pytestconfig: pytest.Config) -> dict[str, Any]:
    """Fields of LocalAwsSettings, to be overridden in a conftest.py. By default without Terraform's provider."""
    return {"provider": "none", "time_factor": float(pytestconfig.getini("local_aws_time_factor"))}


@pytest.fixture(scope="session")
def local_aws(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, local_aws_settings: dict[str, Any]
) -> Iterator[LocalAws]:
    """A local AWS on a free port of 127.0.0.1, started once a session; with pytest-xdist, one for each worker."""
    folder = tmp_path_factory.mktemp("local-aws")
    python = pytestconfig.getoption("--local-aws-python")
    defaults = {"directory": folder / "run", "port": 0, "log_file": folder / "local-aws.log"}
    with LocalAws(python=python, **{**defaults, **local_aws_settings}) as aws:
        yield aws


@pytest.fixture
def local_aws_environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Points boto3, and every process that the test starts, at the local AWS; returns the variables that do so."""
    for name in list(os.environ):
        if name in UNWANTED or name.lower() in PROXIES:
            monkeypatch.delenv(name)
    variables = local_aws.environment()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables
