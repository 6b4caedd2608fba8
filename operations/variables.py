"""Which AWS the commands for an environment talk to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_aws.directory import Directory
from local_aws.errors import LocalAwsError, NotRunningError
from local_aws.process import LocalAws, await_environment
from operations.deployment import OUTPUT_FOLDER, PROJECT_DIRECTORY

WORK_DIRECTORY = PROJECT_DIRECTORY / ".local"
LOCAL_ENVIRONMENT = "local"
LOCAL_AWS_DIRECTORY = WORK_DIRECTORY / "aws"
LOCAL_REHEARSAL_DIRECTORY = WORK_DIRECTORY / "local"


def output_directory(variables: Mapping[str, str]) -> Path | None:
    """Where `cdktf synth` writes for an environment with these variables; None for the project's own `cdktf.out`.

    What `make local` deployed is planned in the folder it was deployed from: an artifact's path is relative to that
    folder, and would change for every model in another.
    """
    state = variables.get("STATE_DIRECTORY")
    if state is not None and PROJECT_DIRECTORY / state == LOCAL_REHEARSAL_DIRECTORY / "state":
        return LOCAL_REHEARSAL_DIRECTORY / OUTPUT_FOLDER
    return None


def require_lasting(environment: str) -> None:
    """Refuse `local` while `make local` does not run: what a command writes would be gone with the command.

    Raises:
        LocalAwsError: there is no local AWS.
    """
    if environment != LOCAL_ENVIRONMENT:
        return
    try:
        Directory(LOCAL_AWS_DIRECTORY).running()
    except NotRunningError:
        raise LocalAwsError(
            f"The local AWS of environment {environment} is not running, so there is nothing to deploy to. Nothing was "
            "changed. Start it in another terminal: make local."
        ) from None


@contextmanager
def variables_for(environment: str) -> Iterator[Mapping[str, str]]:
    """The environment variables that Terraform and cdktf need for `environment`.

    For environments on AWS there are none: credentials come from where users keep them. For `local` they point at the
    local AWS that `make local` runs, with its catalog and state; where none runs, at one of their own, an empty account
    that ends with the block.
    """
    if environment != LOCAL_ENVIRONMENT:
        yield {}
        return
    try:
        running = Directory(LOCAL_AWS_DIRECTORY).running()
    except NotRunningError:
        with LocalAws(directory=WORK_DIRECTORY / "plan-aws", port=0) as aws:
            yield aws.environment()
        return
    folders = {
        "CATALOG_DIRECTORY": str(LOCAL_REHEARSAL_DIRECTORY / "catalog"),
        "STATE_DIRECTORY": str(LOCAL_REHEARSAL_DIRECTORY / "state"),
    }
    chosen = {name: os.environ[name] for name in folders if name in os.environ}
    yield {**await_environment(running), **folders, **chosen}
