"""What the commands of a deployment run with."""

from pathlib import Path

import pytest

from operations.deployment import Deployment


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
