"""`make deploy`: apply plans that were saved and reviewed, and nothing else.

All stacks are planned and reviewed before the first is applied, so that a finding in the last stack stops the first one
too. Each stack has its own state and reads nothing of another stack while it is planned, so applying one does not make
the plans of the others stale. Terraform itself refuses a plan whose state has moved on.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm

from model_catalog.progress import progress
from operations import gate
from operations.deployment import Deployment
from operations.errors import SavedPlansError
from operations.outcome import Outcome
from operations.plan import OPTIONS_OF_THE_GATE, refuse, save_plans
from operations.private_files import make_private_directory, write_private
from operations.repository import Repository
from operations.review import BLOCKED, FAILED, NEEDS_APPROVAL, SAFE, review
from operations.saved_plans import SavedPlans, read_saved_plans
from operations.state_check import refuse_damaged_state
from operations.terraform import PLAN_FILE, SavedPlan, Terraform, TerraformError
from operations.variables import WORK_DIRECTORY, output_directory, require_lasting, variables_for

# What Terraform needs to read a plan of these stacks: the schema of the one provider they use.
_SCRATCH = {"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}}}
_ENDPOINT = "aws_sagemaker_endpoint."
_VERDICTS = {SAFE: "safe", FAILED: "failed", NEEDS_APPROVAL: "needs_approval", BLOCKED: "blocked"}


@dataclass(frozen=True)
class _Step:
    """A stack's folder, ready for `apply`, and the plan in it."""

    terraform: Terraform
    plan: SavedPlan


def deploy(
    environment: str,
    console: Console,
    *,
    approved: bool,
    saved: Path | None = None,
    base: str | None = None,
    afterwards: Callable[[], object] = lambda: None,
    outcome: Outcome | None = None,
) -> int:
    """Review the plans of every stack, ask, and apply exactly these.

    Args:
        environment: a key of cdktf.json's `context.environments`.
        console: gets what is going on, and the question.
        approved: do not ask. What is blocked is refused all the same.
        saved: a folder that `plan --save` wrote; default: plan now.
        base: the branch whose policy and acceptances count; default: those of the checkout.
        afterwards: called once an endpoint was applied and verified.
        outcome: gets the verdict, and what was applied.

    Returns:
        0 applied, or nothing to apply. Otherwise nothing was changed: 1 the review failed, 2 not approved, 3 blocked.

    Raises:
        SavedPlansError, RepositoryError, SynthesisError, StateError: nothing was changed.
        TerraformError: the stacks before the one that failed were applied.
        LocalAwsError: the environment is that of the local AWS, which does not run.
    """
    outcome = outcome or Outcome(environment)
    require_lasting(environment)
    with variables_for(environment) as variables:
        deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
        plans = _plans(deployment, saved, console)
        steps = [_ready(deployment, plans, stack) for stack in plans.stacks]
        code = _review(deployment, [step.plan for step in steps], plans, base)
        _note_plans(outcome, code, steps)
        if code in (FAILED, BLOCKED):
            return _refused(code, environment, console)
        steps = [step for step in steps if step.plan.applicable]
        if not steps:
            outcome.result = "nothing_to_apply"
            console.print(f"{environment}: nothing to apply.", highlight=False)
            return SAFE
        if not approved and not _confirmed(code, environment, console):
            outcome.result = "not_approved"
            console.print(f"{environment} was left as it is.", highlight=False)
            return NEEDS_APPROVAL
        _apply(steps, console, outcome)
    if any(change.address.startswith(_ENDPOINT) for step in steps for change in step.plan.changes):
        afterwards()
    return SAFE


def _plans(deployment: Deployment, saved: Path | None, console: Console) -> SavedPlans:
    """The plans to apply: those of a folder, or made now. The stacks are synthesised."""
    environment = deployment.environment
    if saved is None:
        make_private_directory(WORK_DIRECTORY / "plans")
        plans = save_plans(deployment, WORK_DIRECTORY / "plans" / environment, console, complete=True)
        plans.seal()
    else:
        plans = read_saved_plans(saved)
        _refuse_others(plans, deployment)
        with progress(console, "cdktf synth"):
            deployment.synth()
    if plans.previews:
        raise SavedPlansError(
            f"There was no state bucket when {environment} was planned, so there is nothing to apply the plans to: "
            f"`make bootstrap ENV={environment}` creates it. Then plan again."
        )
    return plans


def review_saved(directory: Path, base: str | None, options: Sequence[str]) -> int:
    """Review saved plans once more, from the plan files themselves. Needs no credentials and no backend.

    Returns:
        The review's exit code.

    Raises:
        SavedPlansError: they are not as they were saved, or were made from another content of the repository.
    """
    if base is not None:
        refuse(options, OPTIONS_OF_THE_GATE, f"with --base they are those of {base}")
    plans = read_saved_plans(directory)
    with variables_for(plans.environment) as variables, tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(plans.environment, variables=variables)
        _refuse_others(plans, deployment)
        read = []
        for stack in plans.stacks:
            scratch = Path(folder) / f"{plans.environment}-{stack}"
            scratch.mkdir()
            (scratch / "providers.tf.json").write_text(json.dumps(_SCRATCH))
            terraform = deployment.terraform_in(scratch, plans.lock_file(stack))
            terraform.init("-backend=false")
            read.append(_read(terraform, plans, stack))
        return _review(deployment, read, plans, base, options)


def _refuse_others(plans: SavedPlans, deployment: Deployment) -> None:
    """Plans of another environment, of other stacks, or of another content of the repository."""
    complaints = []
    if plans.environment != deployment.environment:
        complaints.append(f"they are plans of {plans.environment}, not of {deployment.environment}")
    elif plans.stacks != deployment.stacks:
        complaints.append(
            f"they are of the stacks {', '.join(plans.stacks)}; now there are {', '.join(deployment.stacks)}"
        )
    tree = Repository(deployment.project_directory).content_tree()
    if tree != plans.tree:
        complaints.append(
            f"they were made from the content {plans.tree}, and the checkout is {tree}: another merge came first"
        )
    if complaints:
        raise SavedPlansError(
            f"The plans in {plans.directory} are not for this checkout: {'; '.join(complaints)}. "
            "Nothing was changed. Plan again."
        )


def _ready(deployment: Deployment, plans: SavedPlans, stack: str) -> _Step:
    directory = deployment.terraform(stack).directory
    terraform = deployment.terraform_in(directory, plans.lock_file(stack))
    terraform.init()
    refuse_damaged_state(directory, terraform.environment)
    return _Step(terraform, _read(terraform, plans, stack))


def _read(terraform: Terraform, plans: SavedPlans, stack: str) -> SavedPlan:
    """What the plan file says, not what the JSON beside it says: the file is what is applied."""
    file = terraform.directory / PLAN_FILE
    write_private(file, plans.plan_file(stack).read_bytes())
    return terraform.show(file)


def _review(
    deployment: Deployment, read: Sequence[SavedPlan], plans: SavedPlans, base: str | None, options: Sequence[str] = ()
) -> int:
    folder = Path(tempfile.mkdtemp(prefix="review-"))
    try:
        files = []
        for stack, plan in zip(plans.stacks, read, strict=True):
            files.append(folder / f"{plans.environment}-{stack}.json")
            write_private(files[-1], json.dumps(plan.document))
        with gate.review_options(deployment.project_directory, base) as gate_options:
            return review(files, (*gate_options, *deployment.lock_options, *options))
    finally:
        shutil.rmtree(folder)


def _refused(code: int, environment: str, console: Console) -> int:
    if code == BLOCKED:
        console.print(
            f"The review blocks this: {environment} was left as it is. Change what it names, or accept the finding for "
            f"a time in {gate.ACCEPTED} (plan_review/README.md). Nothing else lets it through.",
            highlight=False,
            soft_wrap=True,
        )
    return code


def _confirmed(code: int, environment: str, console: Console) -> bool:
    question = "This needs approval. Apply it" if code == NEEDS_APPROVAL else "Apply this"
    try:
        return Confirm.ask(f"{question} to {environment}?", console=console, default=False)
    except EOFError:
        console.print("\nThere is nobody to ask. With YES=1 (--yes) it is approved without asking.", highlight=False)
        return False


def _note_plans(outcome: Outcome, code: int, steps: Sequence[_Step]) -> None:
    """What the review says of the plans; a deployment that ends here has that as its result."""
    outcome.result = _VERDICTS[code]
    outcome.add({"verdict": _VERDICTS[code]})
    for step in steps:
        changes = [{"address": change.address, "actions": list(change.actions)} for change in step.plan.changes]
        outcome.stack(step.terraform.directory.name, plan=step.plan.summary, changes=changes, applied=False)


def _apply(steps: Sequence[_Step], console: Console, outcome: Outcome) -> None:
    for number, step in enumerate(steps):
        name = step.terraform.directory.name
        try:
            with progress(console, f"terraform apply {name}"):
                step.terraform.apply(step.plan)
        except TerraformError:
            before = ", ".join(done.terraform.directory.name for done in steps[:number]) or "nothing"
            after = ", ".join(left.terraform.directory.name for left in steps[number + 1 :]) or "nothing"
            console.print(
                f"{name} failed. Applied before it: {before}. Left as it was: {after}. Plan again for the rest: the "
                "plan of a stack that was applied is stale.",
                highlight=False,
                soft_wrap=True,
            )
            raise
        outcome.stack(name, applied=True)
        console.print(f"{name}: applied ({step.plan.summary})", highlight=False)
    outcome.result = "applied"
