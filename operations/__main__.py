"""`python -m operations COMMAND`: what a platform engineer runs; the Makefile has a target for each command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from local.errors import LocalAwsError
from model_catalog.errors import CatalogError
from operations import demo as demo_module
from operations import plan as plan_module
from operations.deployment import SynthesisError
from operations.terraform import TerraformError

application = typer.Typer(
    help="Run the stacks: on the embedded local AWS, or on AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


_Environment = Annotated[str, typer.Argument(help="A key of cdktf.json's context.environments, such as dev.")]


@application.command()
def demo() -> None:
    """Run the main job to its end on the embedded local AWS and leave nothing running."""
    demo_module.run_demo(Console())


@application.command()
def local() -> None:
    """Deploy the example models on the embedded local AWS and stay up until Ctrl-C."""
    demo_module.run_local(Console())


@application.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def plan(context: typer.Context, environment: _Environment) -> None:
    """Plan every stack of ENVIRONMENT in order and show the review. Further options go to `python -m plan_review`."""
    raise typer.Exit(plan_module.plan(environment, context.args, Console(stderr=True)))


@application.command()
def deploy(
    environment: _Environment,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
) -> None:
    """Plan every stack of ENVIRONMENT in order, show each plan, ask, and apply exactly that plan."""
    plan_module.deploy(environment, Console(), approved=yes)


def main() -> int:
    """Run the command; a user's mistake is a message and exit code 1, never a traceback."""
    try:
        return application(standalone_mode=False) or 0
    except (CatalogError, demo_module.DemoError, LocalAwsError, SynthesisError, TerraformError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (typer.Abort, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main())
