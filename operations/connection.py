"""The AWS that an environment runs on, and what the environment has there: for commands that ask it, not Terraform."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local_aws.directory import Directory
from model_catalog.lock import Lock, read_lock
from operations.deployment import PROJECT_DIRECTORY
from operations.sessions import session_for
from operations.variables import LOCAL_AWS_DIRECTORY, LOCAL_ENVIRONMENT, variables_for
from stacks.names import Names
from stacks.settings import EnvironmentSettings, Settings
from stacks.settings_reader import read_settings
from stacks.shards import locks_by_shard

SETTINGS_FILE = "cdktf.json"


@dataclass(frozen=True)
class Shard:
    """One endpoint of an environment, and the part of the catalog that it serves."""

    names: Names
    lock: Lock


@dataclass(frozen=True)
class Connection:
    """An environment, and clients for its account."""

    environment: str
    settings: EnvironmentSettings
    shards: tuple[Shard, ...]
    session: boto3.session.Session
    endpoint_url: str | None

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client in the environment's region. `options` are those of botocore's Config."""
        return self.session.client(service, endpoint_url=self.endpoint_url, config=Config(**options))


@contextmanager
def connect(environment: str) -> Iterator[Connection]:
    """The environment of this name, with the credentials that its other commands use.

    Raises:
        NotRunningError: it is that of `make local`, which does not run.
        SettingsError, CatalogError: cdktf.json or the lock file breaks a rule.
    """
    if environment == LOCAL_ENVIRONMENT:
        Directory(LOCAL_AWS_DIRECTORY).running()
    with variables_for(environment) as variables:
        yield _connection(environment, variables)


def settings_of(environ: Mapping[str, str]) -> Settings:
    """The project's settings, for the environment that `ENVIRONMENT` names."""
    return read_settings(PROJECT_DIRECTORY / SETTINGS_FILE, environ)


def environ_of(environment: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The shell's variables with those of an environment."""
    return {**os.environ, **variables, "ENVIRONMENT": environment}


def session_of(settings: EnvironmentSettings, variables: Mapping[str, str]) -> botocore.session.Session:
    """A session in an environment's account: with the role of its settings, or the local AWS's key in `variables`."""
    role = None if settings.assume_role is None else settings.assume_role.model_dump(exclude_none=True)
    session, _ = session_for(
        is_local=settings.is_local,
        variables=variables,
        region=settings.region,
        role=role,
        sts_url=variables.get("AWS_ENDPOINT_URL"),
    )
    return session


def _connection(environment: str, variables: Mapping[str, str]) -> Connection:
    found = settings_of(environ_of(environment, variables))
    settings = found.environments[environment]
    locks = locks_by_shard(read_lock(PROJECT_DIRECTORY / Path(found.catalog.directory)), settings.shards)
    local = settings.local_aws
    return Connection(
        environment,
        settings,
        tuple(Shard(Names(environment, settings, shard), lock) for shard, lock in sorted(locks.items())),
        boto3.session.Session(botocore_session=session_of(settings, variables), region_name=settings.region),
        None if local is None else variables.get("AWS_ENDPOINT_URL", local.endpoint_url),
    )
