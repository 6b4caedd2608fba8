"""Terraform itself accepts and plans every stack on an empty account, against the provider of the local AWS."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.process import LocalAws
from tests.stacks.conftest import FULL, LOCAL, changed

# Everything that can be set, in the local AWS's account.
FULL_LOCAL = changed(
    FULL,
    local_aws=LOCAL["local_aws"],
    account_id=LOCAL["account_id"],
    kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(directory=folder / "aws", port=0, provider="stand-in", log_file=folder / "log") as aws:
        yield {**os.environ, **aws.environment()}


def terraform(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    binary = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")
    done = subprocess.run(
        [binary, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepared(synthesise, environment: dict[str, str], folder: Path, settings: dict, name: str) -> dict:
    """Initialise one stack in `folder`, with a state of its own; there is no state bucket. Returns what it declares."""
    stack = synthesise({"dev": changed(settings, local_aws={"endpoint_url": environment["AWS_ENDPOINT_URL"]})})
    (folder / "cdk.tf.json").write_text(json.dumps(stack[f"dev-{name}"]))
    (folder / "backend_override.tf.json").write_text('{"terraform": {"backend": {"local": {}}}}')
    terraform(folder, environment, "init", "-input=false")
    return stack[f"dev-{name}"]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        *(pytest.param(LOCAL, name, id=f"small-{name}") for name in ("state", "image", "models", "endpoint")),
        *(
            pytest.param(FULL_LOCAL, name, id=f"full-{name}")
            for name in ("state", "image", "models", "endpoint", "access")
        ),
    ],
)
def test_plan(synthesise, environment, tmp_path, settings, name):
    stack = prepared(synthesise, environment, tmp_path, settings, name)
    terraform(tmp_path, environment, "validate")
    terraform(tmp_path, environment, "plan", "-input=false", "-lock=false", "-out=plan")
    plan = json.loads(terraform(tmp_path, environment, "show", "-json", "plan"))
    planned = {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]}
    declared = {f"{type_}.{id_}" for type_, named in stack["resource"].items() for id_ in named}
    assert planned == {address: ["create"] for address in declared}


def test_the_access_stack_is_applied_once_and_destroyed(synthesise, environment, tmp_path):
    prepared(synthesise, environment, tmp_path, FULL_LOCAL, "access")
    terraform(tmp_path, environment, "apply", "-input=false", "-auto-approve")
    outputs = json.loads(terraform(tmp_path, environment, "output", "-json"))
    assert outputs["deploy_role_arn"]["value"] == "arn:aws:iam::123456789012:role/fleet-dev-us-east-1-ci-deploy"
    assert "No changes" in terraform(tmp_path, environment, "plan", "-input=false", "-no-color")
    terraform(tmp_path, environment, "destroy", "-input=false", "-auto-approve")
