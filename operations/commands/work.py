"""What the commands share while they run: settings, clients, and a stack that is ready for Terraform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.client import BaseClient
from rich.console import Console

from model_catalog.progress import progress
from operations.connection import SETTINGS_FILE, environ_of, session_of, settings_of
from operations.deployment import PROJECT_DIRECTORY, Deployment
from operations.errors import UnknownStackError
from operations.terraform import Terraform
from operations.variables import output_directory, variables_for
from stacks.settings import EnvironmentSettings

__all__ = [
    "PROJECT_DIRECTORY",
    "SETTINGS_FILE",
    "Deployment",
    "chosen_stack",
    "client",
    "confirmed",
    "environ_of",
    "settings_of",
    "synthesised",
]


def synthesised(environment: str, variables: Mapping[str, str], console: Console) -> Deployment:
    """The environment's stacks on disk."""
    deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
    with progress(console, "cdktf synth"):
        deployment.synth()
    return deployment


def client(service: str, settings: EnvironmentSettings, variables: Mapping[str, str]) -> BaseClient:
    """boto3's client, with the role and region of the settings."""
    session = session_of(settings, variables)
    return session.create_client(service, region_name=settings.region, endpoint_url=variables.get("AWS_ENDPOINT_URL"))


@contextmanager
def chosen_stack(environment: str, stack: str, console: Console) -> Iterator[Terraform]:
    """A stack of the environment, synthesised.

    Raises:
        UnknownStackError: the environment has no stack of this name.
    """
    with variables_for(environment) as variables:
        deployment = synthesised(environment, variables, console)
        if stack not in deployment.stacks:
            known = ", ".join(deployment.stacks)
            raise UnknownStackError(f"{environment} has no stack {stack}; its stacks are {known}")
        yield deployment.terraform(stack)


def confirmed(confirm: str, console: Console) -> bool:
    """Whether `--confirm yes` was given; says so where it was not."""
    if confirm == "yes":
        return True
    console.print("Nothing was changed. With CONFIRM=yes (--confirm yes) it is done.", highlight=False)
    return False
