"""`python -m operations COMMAND`: the commands of a deployment alone, for pipelines. People use `mme` (`mme/`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from operations.commands import accounts, archive, deployments, endpoints, states
from operations.complaints import complaint
from stacks.shell_variables import neutralised

application = typer.Typer(
    help="Run the stacks: on the embedded local AWS, or on AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _function in (deployments.plan, deployments.review):
    application.command(context_settings=deployments.REVIEW_OPTIONS)(_function)
_functions: tuple[Callable[..., None], ...] = (
    deployments.deploy,
    deployments.destroy,
    deployments.provider_lock,
    deployments.promote_image,
    accounts.check_account,
    accounts.bootstrap,
    archive.model_restore,
    states.adopt,
    states.unlock,
    endpoints.stacks,
    endpoints.endpoints,
    endpoints.status,
    endpoints.warm,
    endpoints.explain,
)
for _each in _functions:
    application.command()(_each)
application.command("state-history")(states.history)


def main() -> int:
    """Run the command; a user's mistake is a message and exit code 1, never a traceback."""
    for line in neutralised(os.environ):
        print(line, file=sys.stderr)
    try:
        return application(standalone_mode=False) or 0
    except typer.TyperException as error:
        print(f"error: {error}. `python -m operations --help` lists the commands.", file=sys.stderr)
        return 1  # 2 is "needs approval"
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        text = complaint(error)
        if text is None:
            raise
        print(text, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
