"""The tree of commands. It imports no more than their options: what a command works with is imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from capacity.commands import application as capacity
from demo import commands as demo
from examples.commands import invoke
from local_aws.commands import app as local_aws
from mme.help import Commands
from mme.reference import reference
from model_catalog.commands import CatalogCommands
from model_catalog.commands import application as models
from operations.commands import accounts, archive, deployments, endpoints, states
from stacks.shell_variables import neutralised

MACHINE, DEPLOY, RUN, MODELS = "On this machine", "Deploy", "Run", "Models and states"


class _ModelCommands(Commands, CatalogCommands):
    """The catalog's commands, with whole lines of help."""


application = typer.Typer(
    name="mme",
    cls=Commands,
    help="Many models behind one SageMaker endpoint.",
    epilog="`mme COMMAND --help` describes a command. ENVIRONMENT is a key of cdktf.json's context.environments; "
    "`local` is the AWS of this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_reference(wanted: bool) -> None:
    if wanted:
        print(reference(typer.main.get_command(application)), end="")
        raise typer.Exit


@application.callback()
def _prepare(
    _reference: bool = typer.Option(
        False, "--reference", is_eager=True, callback=_print_reference, help="Print docs/commands.md and end."
    ),
) -> None:
    for line in neutralised(os.environ):
        print(line, file=sys.stderr)


def _local(
    context: typer.Context,
    persist: bool = typer.Option(
        False, "--persist", help="Save the account, and bring it back with its endpoints at the next such start."
    ),
) -> None:
    """Deploy the example models on an AWS of this machine and stay up until Ctrl-C; or a command on it."""
    if context.invoked_subcommand is None:
        demo.stay(persist=persist)
    elif persist:
        raise typer.BadParameter(f"it is an option of this command or of `serve`, not of {context.invoked_subcommand}")


def _assemble() -> None:
    command = application.command
    function: Callable[..., None]
    command("demo", rich_help_panel=MACHINE)(demo.run)
    application.add_typer(
        local_aws,
        name="local",
        cls=Commands,
        rich_help_panel=MACHINE,
        callback=_local,
        help=_local.__doc__,
        no_args_is_help=False,
        invoke_without_command=True,
    )
    for function in (accounts.check_account, accounts.bootstrap):
        command(rich_help_panel=DEPLOY)(function)
    for function in (deployments.plan, deployments.review):
        command(rich_help_panel=DEPLOY, context_settings=deployments.REVIEW_OPTIONS)(function)
    for function in (deployments.deploy, deployments.destroy, deployments.promote_image, deployments.provider_lock):
        command(rich_help_panel=DEPLOY)(function)
    for function in (
        endpoints.status,
        endpoints.warm,
        invoke,
        endpoints.endpoints,
        endpoints.stacks,
        endpoints.explain,
    ):
        command(rich_help_panel=RUN)(function)
    application.add_typer(capacity, name="capacity", cls=Commands, rich_help_panel=RUN)
    models.command("restore")(archive.model_restore)
    application.add_typer(models, name="models", cls=_ModelCommands, rich_help_panel=MODELS)
    application.add_typer(_states(), name="state", rich_help_panel=MODELS)


def _states() -> typer.Typer:
    group = typer.Typer(
        cls=Commands, help="Terraform's states: earlier versions, locks, what no state knows.", no_args_is_help=True
    )
    for function in (states.history, states.adopt, states.unlock):
        group.command()(function)
    return group


_assemble()
