"""`python -m demo [run|stay]`: `make demo` and `make local`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

try:
    from demo.main_job import DemoError, run_demo, run_local
    from local_aws.errors import LocalAwsError
    from model_catalog.errors import CatalogError
    from operations.deployment import SynthesisError
    from operations.terraform import TerraformError
    from stacks.errors import SettingsError
except ModuleNotFoundError as missing:  # `make setup-deployment` does without MXNet, numpy and the local AWS's packages
    sys.exit(f"error: {missing.name} is not installed: run `make setup`")

application = typer.Typer(
    help="The main job on this machine: real Terraform, the embedded local AWS, real models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@application.command()
def run() -> None:
    """Run the main job to its end, and leave nothing running."""
    run_demo(Console())


@application.command()
def stay() -> None:
    """Deploy the example models and stay up until Ctrl-C."""
    run_local(Console())


def main() -> int:
    """Run the command; a failed step is a message and exit code 1."""
    try:
        return application(standalone_mode=False) or 0
    except (CatalogError, DemoError, LocalAwsError, SettingsError, SynthesisError, TerraformError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except typer.TyperException as error:
        print(f"error: {error}. `python -m demo --help` lists the commands.", file=sys.stderr)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main())
