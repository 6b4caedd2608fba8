"""Which Terraform configuration there is, and when it has changed."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from local_aws.cli_configuration import (
    configuration_file,
    fingerprint,
    own_configuration,
    without_own_configuration,
)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": "/bin", "XDG_DATA_DIRS": str(tmp_path / "share")}


def test_file_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration_file({}) is None
    assert configuration_file({"TF_CLI_CONFIG_FILE": ""}) is None
    assert configuration_file({"TF_CLI_CONFIG_FILE": str(tmp_path / "nothing")}) is None
    (tmp_path / "my.tfrc").touch()
    monkeypatch.chdir(tmp_path)
    assert configuration_file({"TF_CLI_CONFIG_FILE": "my.tfrc"}) == tmp_path / "my.tfrc"
    assert configuration_file({"TF_CLI_CONFIG_FILE": "", "TERRAFORM_CONFIG": "my.tfrc"}) == tmp_path / "my.tfrc"
    assert configuration_file({"TF_CLI_CONFIG_FILE": "nothing", "TERRAFORM_CONFIG": "my.tfrc"}) is None


def write(path: Path, content: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda home: {"TF_PLUGIN_CACHE_DIR": "/cache"},
        lambda home: {"https_proxy": "http://proxy:1"},
        lambda home: {"TF_CLI_CONFIG_FILE": str(home / "nothing")},
        lambda home: write(home / ".terraformrc", "disable_checkpoint = true"),
        lambda home: write(home / ".tofurc", "disable_checkpoint = true"),
        lambda home: write(home / ".terraform.d" / "mirror.tfrc", "provider_installation {}"),
        lambda home: write(home / ".terraform.d/plugins/registry.terraform.io/hashicorp/aws/6.25.0/linux_amd64/x"),
        lambda home: write(home / ".local/share/terraform/plugins/registry.terraform.io/hashicorp/aws/a.zip"),
        lambda home: write(home / "share/terraform/plugins/registry.terraform.io/hashicorp/aws/a.zip"),
    ],
)
def test_what_changes_the_fingerprint(
    environment: dict[str, str], tmp_path: Path, change: Callable[[Path], Mapping[str, str] | None]
) -> None:
    before = fingerprint(environment)
    assert fingerprint(environment) == before
    changed = {**environment, **(change(tmp_path) or {})}
    assert fingerprint(changed) != before


@pytest.mark.parametrize("path", ["{folder}", "$HOME/folder"])
def test_folders_that_a_configuration_names(environment: dict[str, str], tmp_path: Path, path: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(tmp_path / "my.tfrc", f'plugin_cache_dir = "{path.format(folder=folder)}"')
    given = {**environment, "TF_CLI_CONFIG_FILE": str(tmp_path / "my.tfrc")}
    before = fingerprint(given)
    write(folder / "registry.terraform.io/hashicorp/aws/6.25.0/linux_amd64/terraform-provider-aws_v6.25.0")
    assert fingerprint(given) != before


def test_what_does_not(environment: dict[str, str], tmp_path: Path) -> None:
    before = fingerprint(environment)
    write(tmp_path / ".terraform.d" / "checkpoint_signature", "x")
    write(tmp_path / ".terraform.d" / "plugins" / "registry.terraform.io" / "hashicorp" / "random" / "a.zip")
    assert fingerprint({**environment, "PATH": "/usr/bin", "TF_REATTACH_PROVIDERS": "{}"}) == before


@pytest.mark.parametrize("variable", ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"])
def test_a_named_file_takes_the_place_of_those_in_the_home(
    environment: dict[str, str], tmp_path: Path, variable: str
) -> None:
    write(tmp_path / ".terraformrc", 'credentials "home.example" {\n  token = "h"\n}\n')
    write(tmp_path / "my.tfrc", 'credentials "named.example" {\n  token = "n"\n}\n')
    given = {**environment, variable: str(tmp_path / "my.tfrc")}
    own = own_configuration(given, tmp_path / "mirror")
    assert "named.example" in own
    assert "home.example" not in own
    write(tmp_path / "own.tfrc", own)
    assert without_own_configuration({**given, "TF_CLI_CONFIG_FILE": str(tmp_path / "own.tfrc")}) == given
