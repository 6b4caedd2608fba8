"""Another release of the provider in the place of the one that the stacks name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.terraform import PROVIDER_VERSION
from operations.deployment import PROJECT_DIRECTORY
from operations.provider_mirror import CONFIGURATION_FILE, mirror_provider
from operations.terraform import Terraform, TerraformError

INSTALLS = """#!/bin/sh
cd "${1#-chdir=}" || exit 9
cp main.tf.json "$ASKED"
place=.terraform/providers/registry.terraform.io/hashicorp/aws/6.99.1
mkdir -p "$CACHE" "$place" && echo program > "$CACHE/terraform-provider-aws_v6.99.1_x5"
ln -s "$CACHE" "$place/$PLATFORM"
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script stands in for Terraform with a registry and a plugin cache; the file says what it was asked for."""
    script = tmp_path / "terraform-with-a-registry"
    script.write_text(INSTALLS)
    script.chmod(0o755)
    platform = json.loads(Terraform(tmp_path).run("version", "-json"))["platform"]
    monkeypatch.setenv("PLATFORM", platform)
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", str(script))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked.json"))
    monkeypatch.setenv("CACHE", str(tmp_path / "cache"))
    return tmp_path / "asked.json"


def test_real_terraform_takes_the_release_for_the_one_of_the_stacks(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    for _ in range(2):  # in place of the one before
        assert mirror_provider(mirror, ">= 6.0.0") == "6.99.1"
    assert json.loads(asked.read_text())["terraform"]["required_providers"]["aws"]["version"] == ">= 6.0.0"
    monkeypatch.delenv("TERRAFORM_BINARY_NAME")

    folder = tmp_path / "stack"
    folder.mkdir()
    requirement = {"aws": {"source": "hashicorp/aws", "version": PROVIDER_VERSION}}
    (folder / "main.tf.json").write_text(json.dumps({"terraform": {"required_providers": requirement}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    terraform = Terraform(folder, {**environment, "TF_CLI_CONFIG_FILE": str(mirror / CONFIGURATION_FILE)})
    terraform.init()
    installed = folder / ".terraform" / "providers" / "registry.terraform.io" / "hashicorp" / "aws" / PROVIDER_VERSION
    (program,) = installed.glob("*/terraform-provider-aws*")
    assert program.read_text() == "program\n"
    assert f'version     = "{PROVIDER_VERSION}"' in (folder / ".terraform.lock.hcl").read_text()


def test_the_newest_of_the_same_major_version_is_asked_for(asked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "operations.provider_mirror", str(tmp_path / "mirror")]
    done = subprocess.run(command, cwd=PROJECT_DIRECTORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "6.99.1\n"), done.stderr
    wanted = json.loads(asked.read_text())["terraform"]["required_providers"]["aws"]["version"]
    assert wanted == f">= {PROVIDER_VERSION}, < 7.0.0"


def test_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "terraform-without-a-registry"
    script.write_text("#!/bin/sh\necho 'Error: Failed to query available provider packages' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", str(script))
    with pytest.raises(TerraformError):
        mirror_provider(tmp_path / "mirror", "6.99.1")
    command = [sys.executable, "-m", "operations.provider_mirror", str(tmp_path / "mirror"), "--version", "6.99.1"]
    done = subprocess.run(command, cwd=PROJECT_DIRECTORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "hashicorp/aws 6.99.1 cannot be installed:\nError: Failed to query available provider packages\n"
    )
