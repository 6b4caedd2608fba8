"""Terraform's states: earlier versions, locks, and resources that no state knows."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.commands.options import Confirm, Environment, Json, Stack


def history(  # noqa: PLR0917 - one parameter an option, given by name on the command line
    environment: Environment,
    stack: Stack,
    version: Annotated[str | None, typer.Option(help="The version to restore.")] = None,
    confirm: Confirm = "",
    limit: Annotated[int, typer.Option(help="How many versions to list.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List the versions of a stack's state, or restore one: the difference first, then with `--confirm yes`."""
    from rich.console import Console

    from operations import state_history
    from operations.commands import work
    from operations.outcome import Outcome, reported
    from operations.remote_state import RemoteState

    console = Console(stderr=as_json)
    with (
        reported(Outcome(environment), as_json=as_json) as outcome,
        work.chosen_stack(environment, stack, console) as terraform,
    ):
        remote = RemoteState(terraform.directory, terraform.environment)
        if version is None:
            state_history.show_history(remote, console, limit)
            versions = [state_history.history_document(entry) for entry in state_history.read_history(remote, limit)]
            outcome.result = "listed"
            outcome.stack(remote.stack, state=f"s3://{remote.path}", versions=versions)
            return
        restoration = state_history.plan_restoration(remote, version)
        state_history.show_restoration(restoration, console)
        changes = [{"address": change.address, "change": change.symbol} for change in restoration.changes]
        outcome.result = "shown"
        outcome.stack(remote.stack, version=version, serial=restoration.serial, changes=changes, written=None)
        if not work.confirmed(confirm, console):
            return
        written = state_history.restore(remote, terraform, restoration)
        outcome.result = "restored"
        outcome.stack(remote.stack, written=written)
        console.print(
            f"Restored, as version {written}. See what Terraform makes of it: make plan ENV={environment}",
            highlight=False,
            soft_wrap=True,
        )


def adopt(environment: Environment, stack: Stack, confirm: Confirm = "", as_json: Json = False) -> None:
    """Take over what exists in the account under the names of a stack: the plan first, then with `--confirm yes`."""
    from rich.console import Console

    from operations import adoption
    from operations.commands import work
    from operations.outcome import Outcome, reported

    console = Console(stderr=as_json)
    with (
        reported(Outcome(environment), as_json=as_json) as outcome,
        work.chosen_stack(environment, stack, console) as terraform,
    ):
        terraform.init()
        outcome.result = "nothing_to_adopt"
        adopted = adoption.plan_adoption(terraform)
        if adopted is None:
            console.print(
                f"Nothing to adopt: all that {environment}-{stack} declares is in its state, or does not exist.",
                highlight=False,
                soft_wrap=True,
            )
            return
        adoption.show_adoption(adopted, console)
        outcome.result = "shown"
        outcome.stack(
            f"{environment}-{stack}",
            imports=dict(adopted.imported),
            changes=[{"address": change.address, "actions": list(change.actions)} for change in adopted.plan.changes],
        )
        if work.confirmed(confirm, console):
            terraform.apply(adopted.plan)
            outcome.result = "adopted"
            console.print(f"Adopted into {environment}-{stack}.", highlight=False)


def unlock(
    environment: Environment,
    stack: Stack,
    lock: Annotated[str, typer.Argument(help="The id of the lock.")],
    as_json: Json = False,
) -> None:
    """Remove the lock of a killed run, by its id, and put what that run created into the state.

    Make sure first that the run is gone: only the lock protects it.
    """
    from rich.console import Console

    from model_catalog.progress import progress
    from operations.commands import work
    from operations.outcome import Outcome, reported
    from operations.plan import complete_state
    from operations.remote_state import RemoteState

    console = Console(stderr=as_json)
    with (
        reported(Outcome(environment), as_json=as_json) as outcome,
        work.chosen_stack(environment, stack, console) as terraform,
    ):
        RemoteState(terraform.directory, terraform.environment).refuse_unless_held(lock)
        terraform.init()
        terraform.run("force-unlock", "-force", lock)
        outcome.result = "unlocked"
        outcome.stack(f"{environment}-{stack}", lock=lock)
        console.print(f"{environment}-{stack} is unlocked.", highlight=False)
        with progress(console, "looking for what the killed run created"):
            complete_state(terraform, console)
