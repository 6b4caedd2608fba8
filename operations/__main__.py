"""`python -m operations COMMAND`: what a platform engineer runs; the Makefile has a target for each command."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from local.errors import LocalAwsError
from model_catalog.errors import CatalogError
from operations import demo as demo_module
from operations.deployment import SynthesisError
from operations.terraform import TerraformError

application = typer.Typer(
    help="Run the stacks: on the embedded local AWS, or on AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@application.command()
def demo() -> None:
    """Run the main job to its end on the embedded local AWS and leave nothing running."""
    demo_module.run_demo(Console())


@application.command()
def local() -> None:
    """Deploy the example models on the embedded local AWS and stay up until Ctrl-C."""
    demo_module.run_local(Console())


def main() -> int:
    """Run the command; a user's mistake is a message and exit code 1, never a traceback."""
    try:
        application(standalone_mode=False)
    except (CatalogError, demo_module.DemoError, LocalAwsError, SynthesisError, TerraformError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except typer.Exit as exit_request:
        return exit_request.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
