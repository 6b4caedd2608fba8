"""One shard becomes two under real Terraform against the local AWS, and every model answers all the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from operations.deployment import PROJECT_DIRECTORY
from operations.terraform import SavedPlan
from tests.end_to_end.conftest import LocalAwsFactory
from tests.end_to_end.project import change_settings


def deployed(rehearsal: Rehearsal) -> dict[str, SavedPlan]:
    """Every stack's plan, applied in order."""
    rehearsal.deployment.synth()
    return {stack: rehearsal.deploy(stack) for stack in rehearsal.deployment.stacks}


def test_one_shard_becomes_two(
    tmp_path: Path, project: Path, example_models: dict[str, ExampleModel], local_aws: LocalAwsFactory
):
    stays, moves = example_models["digits-cnn"], example_models["digits-mlp"]
    with local_aws() as aws:
        rehearsal = Rehearsal(tmp_path, aws, project)
        variables = {**os.environ, **aws.environment(), "CATALOG_DIRECTORY": str(rehearsal.catalog.directory)}

        def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
            environment = {**variables, "PYTHONPATH": str(PROJECT_DIRECTORY)}
            command = [sys.executable, "-m", *arguments]
            return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

        def invoked_on(model: ExampleModel, *where: str) -> str:
            """The endpoint that the model was invoked on: the one that the settings lead to, unless it is named."""
            arguments = (*(where or ("--environment", "local")), "--model", model.name, "--image", str(model.sample))
            done = run(project, "examples.invoke_endpoint", *arguments)
            assert done.returncode == 0, done.stderr
            first, best, *_ = done.stdout.splitlines()
            assert best.split("\t")[0] == model.expected_label
            return first.rpartition(" on ")[2]

        keys = {model.name: rehearsal.catalog.add(model.name, model.directory).version.key for model in (stays, moves)}
        assert list(deployed(rehearsal)) == ["state", "image", "models", "endpoint"]
        endpoint = rehearsal.describe_endpoint()

        # A second shard: the plans of what is there are empty. (Without the pin both models would go to it.)
        pins = {stays.name: 1}
        change_settings(project, shards={"count": 2, "pins": pins, "previous": {"count": 1}})
        plans = deployed(rehearsal)
        assert list(plans) == ["state", "image", "models-2", "endpoint-2", "models", "endpoint"]
        assert [stack for stack, plan in plans.items() if plan.changes] == ["models-2", "endpoint-2"]
        assert "aws_s3_object.digits_mlp_v1" in [change.address for change in plans["models-2"].changes]
        assert {change.symbol for plan in plans.values() for change in plan.changes} == {"+"}
        # Callers with the settings of before find the model where it was, those with the new ones where it will be.
        assert invoked_on(moves, "--endpoint", endpoint["EndpointName"], "--region", "us-east-1")
        assert (invoked_on(stays), invoked_on(moves)) == (endpoint["EndpointName"], f"{endpoint['EndpointName']}-2")

        # All callers have followed: the model leaves the first shard, and nothing else happens.
        change_settings(project, shards={"count": 2, "pins": pins})
        rehearsal.deployment.synth()
        plans = rehearsal.plan()
        changes = {stack: [(change.symbol, change.address) for change in plan.changes] for stack, plan in plans.items()}
        assert {stack: found for stack, found in changes.items() if found} == {
            "models": [("-", "aws_s3_object.digits_mlp_v1")]
        }
        files = []
        for stack, plan in plans.items():
            files.append(f"local-{stack}.json")
            (tmp_path / files[-1]).write_text(json.dumps(plan.document))
        review = run(tmp_path, "plan_review", *files)
        assert review.returncode == 2, review.stdout + review.stderr
        assert "local-models-2" in review.stdout

        rehearsal.deploy("models")
        assert rehearsal.list_models() == [keys[stays.name]]
        assert rehearsal.list_models("models-2") == [keys[moves.name]]
        assert (invoked_on(stays), invoked_on(moves)) == (endpoint["EndpointName"], f"{endpoint['EndpointName']}-2")
        assert rehearsal.describe_endpoint() == endpoint
        assert all(not plan.changes for plan in rehearsal.plan().values())
