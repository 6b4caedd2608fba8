"""Terraform itself accepts and plans every stack on an empty account, against the provider of the local AWS."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import LocalAws
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


@pytest.mark.parametrize("name", ["state", "image", "models", "endpoint"])
@pytest.mark.parametrize("settings", [LOCAL, FULL_LOCAL], ids=["small", "full"])
def test_plan(synthesise, environment, tmp_path, settings, name):
    url = environment["AWS_ENDPOINT_URL"]
    stack = synthesise({"dev": changed(settings, local_aws={"endpoint_url": url})})[f"dev-{name}"]
    (tmp_path / "cdk.tf.json").write_text(json.dumps(stack))
    # The state bucket is not there yet.
    (tmp_path / "backend_override.tf.json").write_text('{"terraform": {"backend": {"local": {}}}}')
    terraform(tmp_path, environment, "init", "-input=false")
    terraform(tmp_path, environment, "validate")
    terraform(tmp_path, environment, "plan", "-input=false", "-lock=false", "-out=plan")
    plan = json.loads(terraform(tmp_path, environment, "show", "-json", "plan"))
    planned = {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]}
    declared = {f"{type_}.{id_}" for type_, named in stack["resource"].items() for id_ in named}
    assert planned == {address: ["create"] for address in declared}
