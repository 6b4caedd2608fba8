"""`make plan`: every stack of an environment in order, as saved plans, and their review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from model_catalog.progress import progress
from operations import gate
from operations.deployment import Deployment
from operations.endpoint_status import await_settled
from operations.errors import SavedPlansError
from operations.private_files import make_private_directory
from operations.recovery import recover
from operations.repository import Repository
from operations.review import FAILED, review, write_reviews
from operations.saved_plans import SavedPlans, prepare_directory
from operations.terraform import SavedPlan, Terraform, TerraformError
from operations.variables import WORK_DIRECTORY, output_directory, variables_for

_NO_STATE_BUCKET = "NoSuchBucket"
_OPTIONS_OF_THE_FILES = ("--format", "--output")
OPTIONS_OF_THE_GATE = ("--policy", "--accept", "--defaults")


def plan(
    environment: str,
    console: Console,
    *,
    save: Path | None = None,
    base: str | None = None,
    lock: bool = True,
    options: Sequence[str] = (),
) -> int:
    """Synthesise, plan every stack in order, and show the review.

    Args:
        environment: a key of cdktf.json's `context.environments`.
        console: gets what is going on; the review itself goes to standard output.
        save: keep the plans and their review here (`saved_plans`); default: below `.local`, without the review's files.
        base: the branch that the change is merged into; its policy and acceptances count, not those of the checkout.
        lock: hold the state's lock while planning. A role that may only read cannot take it.
        options: passed on to `python -m plan_review`, e.g. `--format markdown`.

    Returns:
        The review's exit code: 0 safe, 1 error, 2 needs approval, 3 blocked.

    Raises:
        SavedPlansError, RepositoryError, SynthesisError, StateError, TerraformError.
    """
    if save is not None:
        refuse(options, _OPTIONS_OF_THE_FILES, "with --save the review is written in every format")
    if base is not None:
        refuse(options, OPTIONS_OF_THE_GATE, f"with --base they are those of {base}")
    with variables_for(environment) as variables:
        deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
        with gate.review_options(deployment.project_directory, base) as gate_options:
            saved = save_plans(deployment, _directory(environment, save), console, lock=lock)
            code = write_and_show(saved, (*gate_options, *deployment.lock_options, *options), in_files=save is not None)
    if save is not None and code != FAILED:
        console.print(
            f"Saved in {save}, for its owner only: the plans hold every value of the state, secrets included.",
            highlight=False,
            soft_wrap=True,
        )
    return code


def save_plans(
    deployment: Deployment, directory: Path, console: Console, *, lock: bool = True, complete: bool = False
) -> SavedPlans:
    """Synthesise, check the state of every stack and plan it, in order. `seal` is still to be called.

    With `complete`, what a killed run left is put into the states first (`operations.recovery`).
    """
    prepare_directory(directory)
    with progress(console, "cdktf synth"):
        deployment.synth()
    environment, stacks = deployment.environment, deployment.stacks
    saved = SavedPlans(directory, environment, stacks)
    previews = []
    for stack in stacks:
        terraform = deployment.terraform(stack)
        with progress(console, f"terraform plan {environment}-{stack}"):
            made = _plan_stack(terraform, console, () if lock else ("-lock=false",), complete=complete)
        if made is None:
            previews.append(stack)
            made = terraform.preview()
        saved.add(stack, made)
    tree = Repository(deployment.project_directory).content_tree()
    return SavedPlans(directory, environment, stacks, tuple(previews), tree)


def write_and_show(saved: SavedPlans, options: Sequence[str], *, in_files: bool) -> int:
    """Review saved plans: on standard output, and in their folder too where that is asked for; then seal the folder."""
    files = [saved.json_file(stack) for stack in saved.stacks]
    code = review(files, options)
    if in_files and code != FAILED:
        code = write_reviews(saved.directory, files, options)
    saved.seal()
    return code


def _directory(environment: str, save: Path | None) -> Path:
    if save is not None:
        return save
    make_private_directory(WORK_DIRECTORY / "plans")
    return WORK_DIRECTORY / "plans" / environment


def _plan_stack(
    terraform: Terraform, console: Console, arguments: Sequence[str], *, complete: bool
) -> SavedPlan | None:
    """None where there is no state bucket yet."""
    try:
        terraform.init()
    except TerraformError as error:
        if _NO_STATE_BUCKET not in error.output:
            raise
        console.print(f"{terraform.directory.name}: there is no state bucket yet, planned as on an empty account")
        return None
    return complete_state(terraform, console) if complete else terraform.plan(*arguments)


def complete_state(terraform: Terraform, console: Console) -> SavedPlan:
    """The plan of an initialised stack, after what a killed run left was put into the state."""
    name = terraform.directory.name
    await_settled(
        terraform.directory,
        lambda line: console.print(f"{name}: {line}", highlight=False, soft_wrap=True),
        variables=terraform.environment,
    )
    made = terraform.plan()
    recovery = recover(terraform, made)
    for address, identifier in recovery.found.items():
        console.print(
            f"{name}: took over {address} ({identifier}), which a killed run created", highlight=False, soft_wrap=True
        )
    for address, identifier in recovery.foreign.items():
        console.print(
            f"{name}: {address} cannot be created: {identifier} exists, without this environment's tags. "
            f"Choose another name in cdktf.json, or take it over with `make adopt`.",
            highlight=False,
            soft_wrap=True,
        )
    return terraform.plan() if recovery.found else made


def refuse(options: Sequence[str], names: Sequence[str], reason: str) -> None:
    """Refuse options of the review that something else decides already."""
    given = [name for name in names if any(option.split("=")[0] == name for option in options)]
    if given:
        raise SavedPlansError(f"{reason}: leave out {', '.join(given)}")
