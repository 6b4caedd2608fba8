"""What the commands of a deployment run with."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.deployment import Deployment
from operations.terraform import Terraform


@pytest.mark.parametrize("variables", [None, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}])
def test_terraform_s_configuration_of_the_user_reaches_it_from_wherever_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str] | None
) -> None:
    binary = tmp_path / "terraform-or-tofu"
    binary.write_text('#!/bin/sh\necho "$TF_CLI_CONFIG_FILE"\n')
    binary.chmod(0o755)
    (tmp_path / "my.tfrc").touch()
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", str(binary))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "my.tfrc")
    terraform = Deployment("local", tmp_path, tmp_path / "cdktf.out", variables).terraform("state")
    assert terraform.run("version") == f"{tmp_path / 'my.tfrc'}\n"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """What a user with no umask would leave readable for all."""
    before = os.umask(0)
    yield
    os.umask(before)


def _modes(folder: Path, *patterns: str) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for pattern in patterns for file in folder.rglob(pattern)}


def test_what_synthesis_writes_of_a_stack_is_for_its_owner_only(tmp_path: Path, open_umask: None) -> None:
    project, output = tmp_path / "project", tmp_path / "cdktf.out"
    project.mkdir()
    stack = output / "stacks" / "dev-models"
    # An application that writes as cdktf's does.
    (project / "cdktf.json").write_text(json.dumps({"language": "python", "app": "sh synth.sh"}))
    metadata = {"metadata": {"backend": "local", "stackName": "dev-models", "version": "0.21.0"}}
    described = {
        "name": "dev-models",
        "constructPath": "dev-models",
        "workingDirectory": "stacks/dev-models",
        "synthesizedStackPath": "stacks/dev-models/cdk.tf.json",
        "annotations": [],
        "dependencies": [],
    }
    manifest = {"version": "0.21.0", "stacks": {"dev-models": described}}
    (project / "synth.sh").write_text(
        f"mkdir -p {stack}\n"
        f"echo '{json.dumps({'//': metadata, 'terraform': {}})}' > {stack}/cdk.tf.json\n"
        f"echo '{json.dumps(manifest)}' > {output}/manifest.json\n"
    )
    Deployment("dev", project, output).synth()
    assert _modes(output, "*.tf.json") == {"cdk.tf.json": 0o600}


def test_plans_and_states_that_terraform_writes_are_for_their_owner_only(tmp_path: Path, open_umask: None) -> None:
    (tmp_path / "cdk.tf.json").write_text(json.dumps({"resource": {"terraform_data": {"one": {"input": "secret"}}}}))
    terraform = Terraform(tmp_path)
    with terraform.empty_state() as state:
        terraform.run("import", "-no-color", "terraform_data.one", "an-id")
        terraform._plan()
        assert _modes(tmp_path, "plan", state.name) == {"plan": 0o600, state.name: 0o600}
