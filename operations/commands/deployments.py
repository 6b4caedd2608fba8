"""Planning, reviewing, deploying and destroying."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operations.commands.options import Base, Environment, Json, environments

REVIEW_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For commands that pass the options they do not know on to the plan review."""
_ReviewJson = Annotated[bool, typer.Option("--json", help="Print the review as JSON.")]


def plan(  # noqa: PLR0917 - one parameter an option, given by name on the command line
    context: typer.Context,
    environment: Environment,
    save: Annotated[
        Path | None, typer.Option(help="Keep plans, lock files, checksums and the review here.", metavar="DIRECTORY")
    ] = None,
    base: Base = None,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="For a role that may not write: leave the lock.")] = False,
    as_json: _ReviewJson = False,
) -> None:
    """Plan every stack in order and show the review.

    Exit codes: 0 safe, 1 error, 2 needs approval, 3 blocked.
    Further options go to the review: `python -m plan_review --help` lists them.
    """
    from rich.console import Console

    from operations.plan import plan as plan_stacks

    options = _review_options(context, as_json)
    raise typer.Exit(
        plan_stacks(environment, Console(stderr=True), save=save, base=base, lock=not no_lock, options=options)
    )


def _review_options(context: typer.Context, as_json: bool) -> list[str]:
    return [*context.args, *(("--format", "json") if as_json else ())]


def review(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="What `plan --save` wrote.", metavar="DIRECTORY")],
    base: Base = None,
    as_json: _ReviewJson = False,
) -> None:
    """Check saved plans and review them again, without credentials.

    Exit codes: 0 safe, 1 error, 2 needs approval, 3 blocked.
    Further options go to the review: `python -m plan_review --help` lists them.
    """
    from operations.deploy import review_saved

    raise typer.Exit(review_saved(directory, base, _review_options(context, as_json)))


def deploy(  # noqa: PLR0917 - one parameter an option, given by name on the command line
    environment: Environment,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking. What is blocked stays blocked.")] = False,
    saved: Annotated[
        Path | None,
        typer.Option(help="Apply the plans that `plan --save` wrote here. Default: plan now.", metavar="DIRECTORY"),
    ] = None,
    base: Base = None,
    warm: Annotated[
        bool, typer.Option("--warm", help="Then load the most used models, if an endpoint was updated.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the review of every stack's plan, ask, and apply exactly these plans.

    Exit codes: 0 applied or nothing to apply, 1 error, 2 not approved, 3 blocked.
    `--json` prints the result, the review's verdict, and each stack's changes and whether they were applied.
    """
    from rich.console import Console

    from operations.deploy import deploy as deploy_stacks
    from operations.outcome import Outcome, reported
    from operations.warm import Wish
    from operations.warm import warm as warm_models

    console = Console(stderr=as_json)

    def warm_up() -> None:
        if warm and not warm_models(environment, console, Wish()):
            # The deployment stands, and the models that failed load with their first call.
            console.print(f"Everything was applied. Try the rest again: make warm ENV={environment}", highlight=False)

    with reported(Outcome(environment), as_json=as_json) as outcome:
        code = deploy_stacks(
            environment, console, approved=yes, saved=saved, base=base, afterwards=warm_up, outcome=outcome
        )
    raise typer.Exit(code)


def destroy(
    environment: Environment,
    yes: Annotated[bool, typer.Option("--yes", help="Destroy without asking.")] = False,
    shard: Annotated[
        int | None, typer.Option(help="Only this shard, which the layout leaves. Default: the whole environment.")
    ] = None,
    delete_logs: Annotated[
        bool, typer.Option("--delete-logs", help="Delete the log groups as well. Default: they stay and expire.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Destroy every stack in order, with all models, images and states: show, ask, destroy.

    Exit codes: 0 destroyed or nothing there, 1 error, 2 not approved.
    `--json` prints the result, and whether each stack was destroyed.
    """
    from rich.console import Console

    from operations.destroy import Scope
    from operations.destroy import destroy as destroy_stacks
    from operations.outcome import Outcome, reported

    scope, console = Scope(shard, delete_logs), Console(stderr=as_json)
    with reported(Outcome(environment), as_json=as_json) as outcome:
        code = destroy_stacks(environment, console, scope, approved=yes, outcome=outcome)
    raise typer.Exit(code)


def promote_image(
    source: Annotated[
        str,
        typer.Argument(
            help="The environment that runs the image, such as dev.", metavar="FROM", autocompletion=environments
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(help="The environment that gets it, such as prod.", metavar="TO", autocompletion=environments),
    ],
) -> None:
    """Give another environment the image that one runs, by its digest, instead of building it again."""
    from operations.commands import work
    from operations.image_promotion import keep_promoted, name_image, running_image
    from operations.variables import variables_for
    from stacks.names import Names

    path = work.PROJECT_DIRECTORY / work.SETTINGS_FILE
    with variables_for(source) as variables:
        settings = work.settings_of(work.environ_of(source, variables)).environments[source]
        sagemaker, ecr = (work.client(service, settings, variables) for service in ("sagemaker", "ecr"))
        image = running_image(sagemaker, Names(source, settings).endpoint)
        before = name_image(path, target, image)
        keep_promoted(ecr, target, image, before)
    if before == image:
        print(f"Nothing changed: {target} has {image} already.")
    else:
        print(f"{target} gets {image}. Commit cdktf.json and deploy {target}.")


def provider_lock(
    environment: Environment,
    mirror: Annotated[
        str | None, typer.Option(help="A provider mirror, a URL or a folder. Default: the registry.", metavar="MIRROR")
    ] = None,
) -> None:
    """Write .terraform.lock.hcl: the provider's checksums for every platform, for the repository."""
    from rich.console import Console

    from operations import provider_lock as lock_file
    from operations.commands import work
    from operations.variables import variables_for

    console = Console()
    with variables_for(environment) as variables:
        lock_file.write(work.synthesised(environment, variables, console), mirror, console)
