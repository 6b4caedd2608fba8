"""A copy of the project that a test may change, example models trained once a run, and a local AWS.

LOCAL_AWS_PROVIDER says which AWS provider Terraform uses: `stand-in` (as it is not set), `hashicorp`, or `auto` (the
latter where Terraform can install it). With `hashicorp` all tests are skipped where it cannot be had.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.example_models import ExampleModel, trained_models
from local_aws.errors import ProviderUnavailableError
from local_aws.process import LocalAws
from tests.end_to_end.project import copy_project

LocalAwsFactory = Callable[..., LocalAws]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `cdktf synth` needs of the project, in a folder of the test's own."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def example_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExampleModel]:
    """The models that train_models trains, by name."""
    directory = tmp_path_factory.mktemp("example-models")
    return {model.name: model for model in trained_models(directory, report=lambda line: None)}


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The provider that all tests of this folder use: `hashicorp` or `stand-in`."""
    choice = os.environ.get("LOCAL_AWS_PROVIDER", "stand-in")
    if choice == "stand-in":
        return choice
    folder = tmp_path_factory.mktemp("provider")
    with LocalAws(directory=folder / "aws", port=0, provider=choice, log_file=folder / "log") as aws:
        try:
            return aws.provider()
        except ProviderUnavailableError as error:
            pytest.skip(str(error))


@pytest.fixture
def local_aws(tmp_path: Path, provider: str) -> LocalAwsFactory:
    """Makes a local AWS of the test's own, with the provider asked for; takes more of LocalAwsSettings."""

    def make(**settings: object) -> LocalAws:
        return LocalAws(
            directory=tmp_path / "aws", port=0, provider=provider, log_file=tmp_path / "local-aws.log", **settings
        )

    return make
