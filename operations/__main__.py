"""`python -m operations COMMAND`: what a platform engineer runs; the Makefile has a target for each command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from image_builder.errors import ImageBuilderError
from local_aws.errors import LocalAwsError
from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError
from model_catalog.lock import LOCK_FILE, read_lock
from operations import adoption, state_history
from operations import bootstrap as bootstrap_module
from operations import deploy as deploy_module
from operations import destroy as destroy_module
from operations import plan as plan_module
from operations import provider_lock as provider_lock_module
from operations import status as status_module
from operations import warm as warm_module
from operations.account_check import finding
from operations.account_check.account import Account
from operations.account_check.run import check_account as find_account_problems
from operations.connection import session_of
from operations.deployment import PROJECT_DIRECTORY, Deployment, SynthesisError
from operations.errors import (
    AdoptionError,
    DestroyError,
    PromotionError,
    RepositoryError,
    SavedPlansError,
    StateError,
    UnknownStackError,
)
from operations.explain import explain as explanation_of
from operations.image_promotion import keep_promoted, name_image, running_image
from operations.model_restore import archived_versions, restore
from operations.remote_state import RemoteState
from operations.terraform import Terraform, TerraformError
from operations.variables import output_directory, require_lasting, variables_for
from stacks.errors import SettingsError
from stacks.names import Names
from stacks.settings import EnvironmentSettings
from stacks.settings_reader import read_settings
from stacks.shards import held_by, names_for
from stacks.shell_variables import neutralised

application = typer.Typer(
    help="Run the stacks: on the embedded local AWS, or on AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


_Environment = Annotated[str, typer.Argument(help="A key of cdktf.json's context.environments, such as dev.")]
_Stack = Annotated[str, typer.Argument(help="One of the environment's stacks: state, image, models, endpoint, ...")]
_Base = Annotated[
    str | None,
    typer.Option(
        help="The branch or commit that the change is merged into, such as origin/main: policy and acceptances are "
        "read from it, and a change of them asks for approval. Default: those of the checkout.",
        metavar="COMMIT",
    ),
]
_REVIEW_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}


@application.command(context_settings=_REVIEW_OPTIONS)
def plan(
    context: typer.Context,
    environment: _Environment,
    save: Annotated[
        Path | None, typer.Option(help="Keep plans, lock files, checksums and the review here.", metavar="DIRECTORY")
    ] = None,
    base: _Base = None,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="For a role that may not write: leave the lock.")] = False,
) -> None:
    """Plan every stack of ENVIRONMENT in order and show the review. Further options go to `python -m plan_review`."""
    console = Console(stderr=True)
    raise typer.Exit(
        plan_module.plan(environment, console, save=save, base=base, lock=not no_lock, options=context.args)
    )


@application.command(context_settings=_REVIEW_OPTIONS)
def review(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="What `plan --save` wrote.", metavar="DIRECTORY")],
    base: _Base = None,
) -> None:
    """Check saved plans and review them again, without credentials. Further options go to `python -m plan_review`."""
    raise typer.Exit(deploy_module.review_saved(directory, base, context.args))


@application.command()
def deploy(
    environment: _Environment,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking. What is blocked stays blocked.")] = False,
    saved: Annotated[
        Path | None,
        typer.Option(help="Apply the plans that `plan --save` wrote here. Default: plan now.", metavar="DIRECTORY"),
    ] = None,
    base: _Base = None,
    warm: Annotated[
        bool, typer.Option("--warm", help="Then load the most used models, if an endpoint was updated.")
    ] = False,
) -> None:
    """Show the review of every stack's plan, ask, and apply exactly these plans. What the review blocks is refused."""
    console = Console()

    def warm_up() -> None:
        if warm and not warm_module.warm(environment, console, warm_module.Wish()):
            # The deployment stands, and the models that failed load with their first call.
            console.print(f"Everything was applied. Try the rest again: make warm ENV={environment}", highlight=False)

    raise typer.Exit(
        deploy_module.deploy(environment, console, approved=yes, saved=saved, base=base, afterwards=warm_up)
    )


@application.command()
def destroy(
    environment: _Environment,
    yes: Annotated[bool, typer.Option("--yes", help="Destroy without asking.")] = False,
    shard: Annotated[
        int | None, typer.Option(help="Only this shard, which the layout leaves. Default: the whole environment.")
    ] = None,
    delete_logs: Annotated[
        bool, typer.Option("--delete-logs", help="Delete the log groups as well. Default: they stay and expire.")
    ] = False,
) -> None:
    """Destroy every stack of ENVIRONMENT in order, with all models, images and states: show, ask, destroy."""
    scope = destroy_module.Scope(shard, delete_logs)
    raise typer.Exit(destroy_module.destroy(environment, Console(), scope, approved=yes))


@application.command("provider-lock")
def provider_lock(
    environment: _Environment,
    mirror: Annotated[
        str | None, typer.Option(help="A provider mirror, a URL or a folder. Default: the registry.", metavar="MIRROR")
    ] = None,
) -> None:
    """Write .terraform.lock.hcl: the provider's checksums for every platform, for the repository."""
    console = Console()
    with variables_for(environment) as variables:
        provider_lock_module.write(_synthesised(environment, variables, console), mirror, console)


@application.command("check-account")
def check_account(
    environment: _Environment,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look for what would make a deployment of ENVIRONMENT fail late. It writes nothing.

    Exit code 1: there are problems. 2: none was found, but not everything could be looked at.
    """
    with variables_for(environment) as variables:
        environ = {**os.environ, **variables, "ENVIRONMENT": environment}
        settings = read_settings(PROJECT_DIRECTORY / "cdktf.json", environ).environments[environment]
        findings = find_account_problems(Account(Names(environment, settings), environ))
    if as_json:
        print(json.dumps(finding.document(environment, findings), indent=2))
    else:
        print(*(item.line for item in findings), sep="\n")
    raise typer.Exit(finding.exit_code(findings))


@application.command()
def stacks(environment: _Environment) -> None:
    """List the stacks of ENVIRONMENT, without its name, in the order in which they are deployed."""
    print(*Deployment(environment).stacks, sep="\n")


@application.command()
def endpoints(
    environment: _Environment,
    model: Annotated[str | None, typer.Argument(help="A model of the catalog. Default: all of them.")] = None,
) -> None:
    """Show which endpoint of ENVIRONMENT each model is invoked on, and by which TargetModel."""
    settings = read_settings(PROJECT_DIRECTORY / "cdktf.json", {**os.environ, "ENVIRONMENT": environment})
    lock = read_lock(PROJECT_DIRECTORY / settings.catalog.directory)
    lock = held_by(lock, environment, settings.environments[environment])
    for name in sorted(lock.models) if model is None else [model]:
        target_model = lock.target_model(name)
        print(name, names_for(name, environment, settings.environments[environment]).endpoint, target_model, sep="\t")


@application.command("promote-image")
def promote_image(
    source: Annotated[str, typer.Argument(help="The environment that runs the image, such as dev.", metavar="FROM")],
    target: Annotated[str, typer.Argument(help="The environment that gets it, such as prod.", metavar="TO")],
) -> None:
    """Name the image that FROM's first endpoint runs in TO's settings, by its digest, instead of building it again."""
    path = PROJECT_DIRECTORY / "cdktf.json"
    with variables_for(source) as variables:
        environ = {**os.environ, **variables, "ENVIRONMENT": source}
        settings = read_settings(path, environ).environments[source]
        sagemaker, ecr = (_client(service, settings, variables) for service in ("sagemaker", "ecr"))
        image = running_image(sagemaker, Names(source, settings).endpoint)
        before = name_image(path, target, image)
        keep_promoted(ecr, target, image, before)
    if before == image:
        print(f"Nothing changed: {target} has {image} already.")
    else:
        print(f"{target} gets {image}. Commit cdktf.json and deploy {target}.")


@application.command("model-restore")
def model_restore(
    environment: _Environment,
    model: Annotated[str, typer.Argument(help="The name of a removed model.")],
    version: Annotated[str | None, typer.Argument(help="The version to bring back. Default: list them.")] = None,
) -> None:
    """List the removed versions of MODEL that ENVIRONMENT's archive holds, or bring one back into the catalog."""
    with variables_for(environment) as variables:
        environ = {**os.environ, **variables, "ENVIRONMENT": environment}
        settings = read_settings(PROJECT_DIRECTORY / "cdktf.json", environ)
        names = names_for(model, environment, settings.environments[environment])
        client = _client("s3", names.settings, variables)
        if version is None:
            for item in archived_versions(client, names, model):
                print(item.version, f"{item.removed_at:%Y-%m-%d %H:%M UTC}", f"{item.size_bytes} bytes", sep="\t")
            return
        catalog = Catalog(PROJECT_DIRECTORY / settings.catalog.directory, settings.catalog.earlier_versions)
        restored = restore(client, names, catalog, model, version)
    print(
        f"Restored {model} version {version}, TargetModel {restored.key}. Commit {LOCK_FILE} and deploy from here: the "
        f"artifact is in {settings.catalog.directory}/{restored.artifact}."
    )


@application.command()
def bootstrap(environment: _Environment) -> None:
    """Create the bucket of ENVIRONMENT's states and move the state of its own stack into it. Safe to repeat."""
    console = Console()
    require_lasting(environment)
    with variables_for(environment) as variables:
        deployment = _synthesised(environment, variables, console)
        if deployment.settings.existing.state_bucket is not None:
            bootstrap_module.bootstrap_existing(deployment.terraform(deployment.stacks[0]), console)
            return
        directory = deployment.project_directory / variables.get(
            "STATE_DIRECTORY", os.environ.get("STATE_DIRECTORY", ".")
        )
        bootstrap_module.bootstrap(deployment.terraform("state"), directory, console)


@application.command("state-history")
def history(
    environment: _Environment,
    stack: _Stack,
    version: Annotated[str | None, typer.Option(help="The version to restore.")] = None,
    confirm: Annotated[str, typer.Option(help="`yes` restores; without it, the difference is shown only.")] = "",
    limit: Annotated[int, typer.Option(help="How many versions to list.", min=1)] = 20,
) -> None:
    """List the versions of a stack's state, or restore one: the difference first, then with `--confirm yes`."""
    console = Console()
    with _stack(environment, stack, console) as terraform:
        remote = RemoteState(terraform.directory, terraform.environment)
        if version is None:
            state_history.show_history(remote, console, limit)
            return
        restoration = state_history.plan_restoration(remote, version)
        state_history.show_restoration(restoration, console)
        if not _confirmed(confirm, console):
            return
        written = state_history.restore(remote, terraform, restoration)
        console.print(
            f"Restored, as version {written}. See what Terraform makes of it: make plan ENV={environment}",
            highlight=False,
            soft_wrap=True,
        )


@application.command()
def adopt(
    environment: _Environment,
    stack: _Stack,
    confirm: Annotated[str, typer.Option(help="`yes` adopts; without it, the plan is shown only.")] = "",
) -> None:
    """Take over what exists in the account under the names of a stack: the plan first, then with `--confirm yes`."""
    console = Console()
    with _stack(environment, stack, console) as terraform:
        terraform.init()
        adopted = adoption.plan_adoption(terraform)
        if adopted is None:
            console.print(
                f"Nothing to adopt: all that {environment}-{stack} declares is in its state, or does not exist.",
                highlight=False,
                soft_wrap=True,
            )
            return
        adoption.show_adoption(adopted, console)
        if _confirmed(confirm, console):
            terraform.apply(adopted.plan)
            console.print(f"Adopted into {environment}-{stack}.", highlight=False)


@application.command()
def unlock(
    environment: _Environment, stack: _Stack, lock: Annotated[str, typer.Argument(help="The id of the lock.")]
) -> None:
    """Remove the lock of a killed run, by its id, and put what that run created into the state.

    Make sure first that the run is gone: only the lock protects it.
    """
    console = Console()
    with _stack(environment, stack, console) as terraform:
        RemoteState(terraform.directory, terraform.environment).refuse_unless_held(lock)
        terraform.init()
        terraform.run("force-unlock", "-force", lock)
        console.print(f"{environment}-{stack} is unlocked.", highlight=False)
        with console.status("looking for what the killed run created ..."):
            plan_module.complete_state(terraform, console)


@application.command()
def status(
    environment: _Environment,
    minutes: Annotated[int, typer.Option(help="How far back invocations are counted.", min=5, max=1440)] = (
        status_module.MINUTES
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show ENVIRONMENT's endpoints: instances, load, slowest models, alarms, cost. Exit code 2: something is amiss."""
    well = status_module.status(environment, Console(stderr=as_json), minutes=minutes, as_json=as_json)
    raise typer.Exit(0 if well else 2)


@application.command()
def warm(
    environment: _Environment,
    models: Annotated[int, typer.Option(help="How many models at most.", min=1)] = warm_module.MOST_MODELS,
    rate: Annotated[float, typer.Option(help="Calls a second at most.", min=0.1, max=100)] = warm_module.RATE,
    samples: Annotated[
        Path | None, typer.Option(help="A folder of inputs, each named after its model.", file_okay=False, exists=True)
    ] = None,
) -> None:
    """Load the models that were invoked most in the last day, pinned ones first, by calling each once."""
    done = warm_module.warm(environment, Console(), warm_module.Wish(models, rate, samples))
    raise typer.Exit(0 if done else 1)


@application.command()
def explain() -> None:
    """Say what an error means and what to do: `cdktf deploy dev-models 2>&1 | python -m operations explain`."""
    error = sys.stdin.read()
    print(error, end="")
    explained = explanation_of(error, datetime.now(UTC))
    print(f"\n{explained}" if explained else "\nNo rule knows this error.", file=sys.stderr)


def _synthesised(environment: str, variables: Mapping[str, str], console: Console) -> Deployment:
    deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
    with console.status("cdktf synth ..."):
        deployment.synth()
    return deployment


def _client(service: str, settings: EnvironmentSettings, variables: Mapping[str, str]) -> BaseClient:
    session = session_of(settings, variables)
    return session.create_client(service, region_name=settings.region, endpoint_url=variables.get("AWS_ENDPOINT_URL"))


@contextmanager
def _stack(environment: str, stack: str, console: Console) -> Iterator[Terraform]:
    with variables_for(environment) as variables:
        deployment = _synthesised(environment, variables, console)
        if stack not in deployment.stacks:
            known = ", ".join(deployment.stacks)
            raise UnknownStackError(f"{environment} has no stack {stack}; its stacks are {known}")
        yield deployment.terraform(stack)


def _confirmed(confirm: str, console: Console) -> bool:
    if confirm == "yes":
        return True
    console.print("Nothing was changed. With CONFIRM=yes (--confirm yes) it is done.", highlight=False)
    return False


def _report(error: Exception) -> None:
    """The error as it is, what it means and what to do."""
    print(f"error: {error}", file=sys.stderr)
    if isinstance(error, TerraformError):
        folder = os.path.relpath(error.directory)
        explained = explanation_of(error.output, datetime.now(UTC), error.directory.name, folder)
    elif isinstance(error, (ClientError, BotoCoreError)):
        explained = explanation_of(str(error), datetime.now(UTC))
    else:
        return
    if explained is not None:
        print(f"\n{explained}", file=sys.stderr)
    if isinstance(error, TerraformError) and error.command in ("init", "plan"):
        print("Nothing was changed, and no state was written.", file=sys.stderr)


def main() -> int:
    """Run the command; a user's mistake is a message and exit code 1, never a traceback."""
    for line in neutralised(os.environ):
        print(line, file=sys.stderr)
    try:
        return application(standalone_mode=False) or 0
    except (
        AdoptionError,
        BotoCoreError,
        CatalogError,
        ClientError,
        DestroyError,
        ImageBuilderError,
        LocalAwsError,
        PromotionError,
        RepositoryError,
        SavedPlansError,
        SettingsError,
        StateError,
        SynthesisError,
        TerraformError,
        UnknownStackError,
    ) as error:
        _report(error)
        return 1
    except typer.TyperException as error:
        print(f"error: {error}. `python -m operations --help` lists the commands.", file=sys.stderr)
        return 1  # 2 is "needs approval"
    except (typer.Abort, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main())
