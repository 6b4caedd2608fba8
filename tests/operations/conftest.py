"""Small stacks on one local AWS for all tests of this folder, under real Terraform."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from local_aws.process import LocalAws
from operations.remote_state import RemoteState
from operations.terraform import Terraform
from tests.local_aws.account import Account as HostingAccount
from tests.operations.serving import Serving

Documents = dict[str, Any]
GOLDEN = Path(__file__).parents[1] / "stacks" / "golden"


@dataclass(frozen=True)
class Account:
    """A running local AWS, and the variables that lead Terraform there."""

    aws: LocalAws
    variables: Mapping[str, str]

    def client(self, service: str) -> BaseClient:
        return self.aws.session().client(service, endpoint_url=self.url)

    @property
    def url(self) -> str:
        return self.aws.url

    def terraform(self, directory: Path) -> Terraform:
        return Terraform(directory, {**os.environ, **self.variables})


def s3_backend(url: str, bucket: str, stack: str, **more: Any) -> Documents:
    return {
        "bucket": bucket,
        "key": f"{stack}/terraform.tfstate",
        "region": "us-east-1",
        "encrypt": True,
        "use_lockfile": True,
        "endpoints": {"s3": url, "iam": url, "sts": url},
        "use_path_style": True,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        **more,
    }


def stack_document(url: str, backend: Documents, resources: Documents) -> Documents:
    """What synthesis writes, for a stack with these resources."""
    return {
        "terraform": {"backend": backend, "required_providers": {"aws": {"source": "aws"}}},
        "provider": {
            "aws": [
                {
                    "region": "us-east-1",
                    "endpoints": [dict.fromkeys(("s3", "sts", "iam", "sagemaker", "logs"), url)],
                    "s3_use_path_style": True,
                    "skip_credentials_validation": True,
                    "skip_metadata_api_check": "true",
                }
            ]
        },
        "resource": resources,
    }


def terraform_data(**inputs: str) -> Documents:
    return {"terraform_data": {name: {"input": value} for name, value in inputs.items()}}


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(
        directory=folder / "aws", port=0, provider="stand-in", runtime="process", log_file=folder / "log"
    ) as aws:
        yield Account(aws, aws.environment())


@pytest.fixture(scope="session")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostingAccount]:
    """An account that hosts endpoints with the scripted container, whose minutes take a second."""
    folder = tmp_path_factory.mktemp("hosting")
    with LocalAws(
        directory=folder / "aws", port=0, provider="none", runtime="process", time_factor=0.02, log_file=folder / "log"
    ) as aws:
        made = HostingAccount(aws)
        made.prepare()
        yield made


@pytest.fixture
def serving(hosting: HostingAccount) -> Serving:
    """An endpoint of the test's own."""
    return Serving(hosting, *hosting.serve())


@pytest.fixture
def write_stack(account: Account, tmp_path: Path) -> Callable[..., Terraform]:
    """Writes a stack's folder with its state in a bucket, and answers Terraform in it."""

    def write(
        stack: str, resources: Documents, *, bucket: str, backend: Documents | None = None, **document: Any
    ) -> Terraform:
        directory = tmp_path / stack
        directory.mkdir(exist_ok=True)
        chosen = {"s3": s3_backend(account.url, bucket, stack)} if backend is None else backend
        content = stack_document(account.url, chosen, resources) | document
        (directory / "cdk.tf.json").write_text(json.dumps(content))
        return account.terraform(directory)

    return write


@pytest.fixture
def state_bucket(account: Account, request: pytest.FixtureRequest) -> str:
    """A versioned bucket of the test's own."""
    name = f"state-{abs(hash(request.node.nodeid)) % 10**12}-{os.getpid()}"
    s3 = account.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def write_synthesised(account: Account, state_bucket: str, tmp_path: Path) -> Callable[..., Terraform]:
    """Writes a stack of environment `local` as the golden files have it, for this local AWS and a bucket of its own."""

    def write(stack: str, **replaced: str) -> Terraform:
        text = (GOLDEN / f"local-{stack}.json").read_text().replace("http://127.0.0.1:4566", account.url)
        for old, new in replaced.items():
            text = text.replace(old, new)
        document = json.loads(text)
        document["terraform"]["backend"] = {"s3": s3_backend(account.url, state_bucket, f"local-{stack}")}
        # They run programs of the project from its folder, which is elsewhere; their own tests run them.
        document["resource"].pop("terraform_data", None)
        directory = tmp_path / f"local-{stack}"
        directory.mkdir(exist_ok=True)
        (directory / "cdk.tf.json").write_text(json.dumps(document))
        return account.terraform(directory)

    return write


def apply(terraform: Terraform) -> None:
    terraform.init()
    terraform.apply(terraform.plan())


def remote_of(terraform: Terraform) -> RemoteState:
    return RemoteState(terraform.directory, terraform.environment)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one file, `a`."""
    directory = tmp_path / "repository"
    directory.mkdir()
    (directory / "a").write_text("1")
    for arguments in (("init", "-q", "-b", "main"), ("add", "a"), ("commit", "-qm", "one")):
        run_git(directory, *arguments)
    return directory


@pytest.fixture
def git(repository: Path) -> Callable[..., str]:
    """Runs git in the repository and answers what it printed."""
    return partial(run_git, repository)


def run_git(directory: Path, *arguments: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.invalid",
        "-c",
        "commit.gpgsign=false",
        *arguments,
    ]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout.strip()
