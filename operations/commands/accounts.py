"""An AWS account before the first deployment."""

from __future__ import annotations

import json
import os

import typer

from operations.commands.options import Environment, Json


def check_account(environment: Environment, as_json: Json = False) -> None:
    """Look for what would make a deployment fail late. It writes nothing.

    Exit codes: 0 nothing was found, 1 there are problems, 2 not everything could be looked at.
    """
    from operations.account_check import finding
    from operations.account_check.account import Account
    from operations.account_check.run import check_account as find_problems
    from operations.commands import work
    from operations.variables import variables_for
    from stacks.names import Names

    with variables_for(environment) as variables:
        environ = work.environ_of(environment, variables)
        settings = work.settings_of(environ).environments[environment]
        findings = find_problems(Account(Names(environment, settings), environ))
    if as_json:
        print(json.dumps(finding.document(environment, findings), indent=2))
    else:
        print(*(item.line for item in findings), sep="\n")
    raise typer.Exit(finding.exit_code(findings))


def bootstrap(environment: Environment) -> None:
    """Create the bucket of the states and move the state of its own stack into it. Safe to repeat."""
    from rich.console import Console

    from operations import bootstrap as states
    from operations.commands import work
    from operations.variables import require_lasting, variables_for

    console = Console()
    require_lasting(environment)
    with variables_for(environment) as variables:
        deployment = work.synthesised(environment, variables, console)
        if deployment.settings.existing.state_bucket is not None:
            states.bootstrap_existing(deployment.terraform(deployment.stacks[0]), console)
            return
        directory = deployment.project_directory / variables.get(
            "STATE_DIRECTORY", os.environ.get("STATE_DIRECTORY", ".")
        )
        states.bootstrap(deployment.terraform("state"), directory, console)
