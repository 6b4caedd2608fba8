"""`make plan` and `make deploy`: every stack of an environment in order, by saved plans."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.prompt import Confirm

from operations.deployment import PROJECT_DIRECTORY, Deployment
from operations.terraform import Plan, Terraform, TerraformError
from operations.variables import WORK_DIRECTORY, output_directory, variables_for

_NO_STATE_BUCKET = "NoSuchBucket"


def plan(environment: str, review_options: Sequence[str], console: Console) -> int:
    """Synthesise, plan every stack in order with saved plan files, and show the review.

    Args:
        environment: a key of cdktf.json's `context.environments`.
        review_options: passed on to `python -m plan_review`, e.g. `--format markdown`.

    Returns:
        The review's exit code: 0 safe, 1 error, 2 needs approval, 3 blocked.
    """
    with variables_for(environment) as variables:
        deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
        with console.status("cdktf synth ..."):
            deployment.synth()
        directory = WORK_DIRECTORY / "plans"
        directory.mkdir(parents=True, exist_ok=True)
        files = []
        for stack in deployment.stacks:
            with console.status(f"terraform plan {environment}-{stack} ..."):
                saved = _plan_stack(deployment.terraform(stack), console)
            file = directory / f"{environment}-{stack}.json"
            file.write_text(json.dumps(saved.document))
            files.append(str(file))
    return subprocess.run(
        [sys.executable, "-m", "plan_review", *files, *review_options], cwd=PROJECT_DIRECTORY, check=False
    ).returncode


def deploy(environment: str, console: Console, *, approved: bool) -> None:
    """Plan and apply every stack in order. Each plan is shown and asked about before it is applied.

    Args:
        environment: a key of cdktf.json's `context.environments`.
        approved: do not ask.
    """
    with variables_for(environment) as variables:
        deployment = Deployment(environment, output_directory=output_directory(variables), variables=variables)
        with console.status("cdktf synth ..."):
            deployment.synth()
        for stack in deployment.stacks:
            terraform = deployment.terraform(stack)
            name = f"{environment}-{stack}"
            with console.status(f"terraform plan {name} ..."):
                terraform.init()
                saved = terraform.plan()
            console.print(f"{name}: {saved.summary}", highlight=False)
            for change in saved.changes:
                console.print(f"  {change.symbol} {change.address}", markup=False, highlight=False)
            if not saved.changes:
                continue
            if not approved and not Confirm.ask(f"Apply this to {name}?", console=console, default=False):
                console.print(f"{name} and the stacks after it were left as they are.")
                return
            with console.status(f"terraform apply {name} ..."):
                terraform.apply(saved)
            console.print(f"{name}: applied", highlight=False)


def _plan_stack(terraform: Terraform, console: Console) -> Plan:
    try:
        terraform.init()
    except TerraformError as error:
        if _NO_STATE_BUCKET not in error.output:
            raise
        console.print(f"{terraform.directory.name}: there is no state bucket yet, planned as on an empty account")
        return terraform.preview()
    return terraform.plan()
