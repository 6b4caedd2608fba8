"""The stand-in provider in this process, before the local AWS that all tests of a worker share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.process import LocalAws
from local_aws.provider.server import ProviderServer
from tests.local_aws.provider.terraform import Terraform


@pytest.fixture(scope="session")
def provider_server(local_aws: LocalAws) -> Iterator[ProviderServer]:
    server = ProviderServer(local_aws.url, local_aws.key)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def provider_block(local_aws: LocalAws) -> dict[str, Any]:
    """A provider block as a stack of the environment `local` has it."""
    return {
        "region": "us-east-1",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": "true",
        "s3_use_path_style": True,
        "allowed_account_ids": ["123456789012"],
        "default_tags": [{"tags": {"Project": "models"}}],
        "endpoints": [dict.fromkeys(("s3", "iam", "sts", "sagemaker", "applicationautoscaling"), local_aws.url)],
    }


@pytest.fixture
def terraform(tmp_path: Path, provider_server: ProviderServer) -> Terraform:
    return Terraform(tmp_path / "work", provider_server)


@pytest.fixture
def another_terraform(tmp_path: Path, provider_server: ProviderServer) -> Callable[[str], Terraform]:
    """Further working directories, with states of their own."""
    return lambda name: Terraform(tmp_path / name, provider_server)
