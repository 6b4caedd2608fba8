"""`make demo` and `make local`: the main job from the models to the invocations, step by step."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from rich.console import Console

from demo.errors import DemoError
from demo.example_models import ExampleModel, trained_models
from demo.rehearsal import Rehearsal
from demo.steps import Steps
from local_aws.directory import Directory
from local_aws.environment import isolate
from local_aws.errors import NotRunningError
from local_aws.persistence.folder import StateFolder
from local_aws.process import LocalAws
from local_aws.terraform import PROVIDER_VERSION
from model_catalog.check import Check
from operations.deployment import PROJECT_DIRECTORY
from operations.terraform import SavedPlan
from operations.variables import LOCAL_AWS_DIRECTORY, LOCAL_REHEARSAL_DIRECTORY, WORK_DIRECTORY

LOCAL_PORT = 4566
_PROVIDERS = {
    "hashicorp": f"hashicorp/aws {PROVIDER_VERSION}, installed by Terraform",
    "stand-in": f"the local AWS's stand-in for hashicorp/aws {PROVIDER_VERSION}",
}
_LOOK_SECONDS = 1.0


def run_demo(console: Console) -> None:
    """Run the main job to its end on a local AWS of its own, and leave nothing running.

    Raises:
        DemoError: a promise was not kept, e.g. adding a model changed the endpoint.
    """
    directory = WORK_DIRECTORY / "demo"
    steps = Steps(console)
    with LocalAws(directory=directory / "aws", port=0) as aws:
        rehearsal, models = _first_five_steps(steps, aws, directory)
        third = models[2]
        with steps.step(f"Add a third model, {third.name}: the endpoint is not touched") as step:
            before = rehearsal.describe_endpoint()
            rehearsal.catalog.add(third.name, third.directory, check=Check())
            rehearsal.deployment.synth()
            plans = rehearsal.plan()
            _show_plans(steps, plans)
            touched = [change.address for plan in plans.values() for change in plan.changes]
            if not touched or any(not address.startswith("aws_s3_object.") for address in touched):
                raise DemoError(f"adding a model should change S3 objects only, but the plans change: {touched}")
            rehearsal.deploy("models")
            _invoke(steps, rehearsal, third)
            if rehearsal.describe_endpoint() != before:
                raise DemoError("SageMaker describes the endpoint differently after a model was added")
            step.outcome = f"{', '.join(touched)} only"
        with steps.step("List the state of every stack: terraform state list") as step:
            count = 0
            for stack in rehearsal.deployment.stacks:
                addresses = rehearsal.deployment.terraform(stack).state_list()
                count += len(addresses)
                steps.detail(f"local-{stack}")
                for address in addresses:
                    steps.detail(f"  {address}")
            step.outcome = f"{count} addresses"
        with steps.step("Plan every stack again: nothing to change") as step:
            plans = rehearsal.plan()
            _show_plans(steps, plans)
            if any(plan.changes for plan in plans.values()):
                raise DemoError("a plan right after a deployment should show no changes")
            step.outcome = "no changes in any stack"
        with steps.step("Destroy everything") as step:
            rehearsal.destroy()
            step.outcome = "all stacks destroyed"
    console.print()
    console.print(steps.table())
    console.print(
        f"Provider: {_PROVIDERS.get(rehearsal.provider, rehearsal.provider)}.", highlight=False, soft_wrap=True
    )


def run_local(console: Console, *, persist: bool) -> None:
    """Deploy the first two example models on the local AWS at its usual port and stay up until Ctrl-C or SIGTERM.

    Args:
        persist: save the account, and bring back what was saved: what is deployed stays, and other models with it.

    Raises:
        DemoError: there is a saved account that this start would break.
    """
    saved = StateFolder(Directory(LOCAL_AWS_DIRECTORY).state)
    if saved.exists and not persist:
        raise DemoError(
            f"{_relative(saved.root)} holds a saved account. `mme local --persist` brings it back; to begin with an "
            "empty one, remove that folder."
        )
    steps = Steps(console)
    with LocalAws(directory=LOCAL_AWS_DIRECTORY, port=LOCAL_PORT, persist=persist) as aws:
        begin = _steps_after_a_restart if aws.is_restored() else _first_five_steps
        rehearsal, models = begin(steps, aws, LOCAL_REHEARSAL_DIRECTORY)
        console.print()
        console.print(steps.table())
        console.print(
            f"\nThe local AWS is up at {aws.url} until Ctrl-C or `python -m local_aws stop`. "
            "In another terminal, in this folder:\n\n"
            '  . operations/environment.sh && eval "$(python -m local_aws env)"\n'
            f"  export CATALOG_DIRECTORY={_relative(rehearsal.catalog.directory)}\n"
            f"  python3 -m examples.invoke_endpoint --environment local "
            f"--model {models[0].name} --image {_relative(models[0].sample)}\n\n"
            "Add a model, see what a review says of it, deploy it and invoke it:\n\n"
            f"  python3 -m model_catalog add {models[2].name} {_relative(models[2].directory)}\n"
            "  make plan\n"
            "  make deploy\n"
            f"  python3 -m examples.invoke_endpoint --environment local "
            f"--model {models[2].name} --input {_relative(models[2].sample)}\n",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        _wait_for_stop(console)


def _first_five_steps(steps: Steps, aws: LocalAws, directory: Path) -> tuple[Rehearsal, list[ExampleModel]]:
    isolate(os.environ, aws.url, aws.key)
    rehearsal = Rehearsal(directory, aws)
    with steps.step("Package two real MXNet models") as step:
        models = trained_models(WORK_DIRECTORY / "example-models", steps.detail)
        for model in models[:2]:
            version = rehearsal.catalog.add(model.name, model.directory, check=Check()).version
            steps.detail(f"{version.key}: {version.size_bytes:,} bytes, {version.engine}")
        step.outcome = ", ".join(model.name for model in models[:2])
    with steps.step("Synthesise all stacks: cdktf synth") as step:
        rehearsal.deployment.synth()
        step.outcome = f"{len(rehearsal.deployment.stacks)} stacks"
    with steps.step("Plan every stack on the empty account: terraform plan") as step:
        steps.detail(f"provider: {_PROVIDERS.get(rehearsal.provider, rehearsal.provider)}")
        previews = rehearsal.preview()
        _show_plans(steps, previews)
        step.outcome = f"{sum(plan.count('create') for plan in previews.values())} to add"
    with steps.step("Deploy the stacks in order: terraform apply") as step:
        # One after the other: the states of all the others lie in the bucket that the first one makes, and of what is
        # left only one stack has a bucket to wait for.
        for stack in rehearsal.deployment.stacks:
            wait = rehearsal.long_wait(previews[stack])
            if wait is not None:
                steps.detail(f"local-{stack}: {wait}")
            plan = rehearsal.deploy(stack)
            steps.detail(f"local-{stack}: {plan.summary} - done")
            if plan.changes != previews[stack].changes:
                raise DemoError(f"local-{stack}: the plan on the empty account said something else than was done")
        step.outcome = "as planned"
    with steps.step("Invoke both models through sagemaker-runtime") as step:
        for model in models[:2]:
            _invoke(steps, rehearsal, model)
        step.outcome = "right labels"
    return rehearsal, models


def _steps_after_a_restart(steps: Steps, aws: LocalAws, directory: Path) -> tuple[Rehearsal, list[ExampleModel]]:
    """What an earlier start was interrupted in is done now; mostly that is nothing."""
    isolate(os.environ, aws.url, aws.key)
    rehearsal = Rehearsal(directory, aws, goes_on=True)
    with steps.step("Find the models of the earlier start") as step:
        models = trained_models(WORK_DIRECTORY / "example-models", steps.detail)
        for model in models[:2]:
            if model.name not in rehearsal.catalog.lock.models:
                rehearsal.catalog.add(model.name, model.directory, check=Check())
        step.outcome = ", ".join(rehearsal.catalog.lock.models)
    with steps.step("Synthesise all stacks: cdktf synth") as step:
        rehearsal.deployment.synth()
        step.outcome = f"{len(rehearsal.deployment.stacks)} stacks"
    with steps.step("Deploy what is not deployed yet: terraform plan") as step:
        plans = {stack: rehearsal.deploy(stack) for stack in rehearsal.deployment.stacks}
        _show_plans(steps, plans)
        changed = [stack for stack, plan in plans.items() if plan.changes]
        step.outcome = f"changed {', '.join(changed)}" if changed else "no changes in any stack"
    with steps.step("Invoke both models through sagemaker-runtime") as step:
        rehearsal.await_endpoint()
        for model in models[:2]:
            _invoke(steps, rehearsal, model)
        step.outcome = "right labels"
    return rehearsal, models


def _invoke(steps: Steps, rehearsal: Rehearsal, model: ExampleModel) -> None:
    prediction, cold_milliseconds = rehearsal.invoke(model)
    _, warm_milliseconds = rehearsal.invoke(model)
    labels = ", ".join(f"{label.label} ({label.score:.3f})" for label in prediction.labels[:3])
    steps.detail(
        f"{model.name}: {labels}; true label: {model.expected_label}; "
        f"cold {cold_milliseconds:.0f} ms, warm {warm_milliseconds:.0f} ms"
    )
    if prediction.best.label != model.expected_label:
        raise DemoError(f"{model.name} answered {prediction.best.label} for a sample of {model.expected_label}")


def _show_plans(steps: Steps, plans: dict[str, SavedPlan]) -> None:
    for stack, plan in plans.items():
        steps.detail(f"local-{stack}: {plan.summary}")
        for change in plan.changes:
            steps.detail(f"  {change.symbol} {change.address}")


def _relative(path: Path) -> str:
    return str(path.relative_to(PROJECT_DIRECTORY))


def _wait_for_stop(console: Console) -> None:
    """Until Ctrl-C or SIGTERM, or until somebody else stopped the local AWS."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(_LOOK_SECONDS):
        try:
            Directory(LOCAL_AWS_DIRECTORY).running()
        except NotRunningError:
            console.print("The local AWS was stopped by `python -m local_aws stop`, so this ends as well.")
            return
