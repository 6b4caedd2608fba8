"""Which AWS provider Terraform gets. A script stands in for `terraform init`."""

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local_aws.access_key import AccessKey
from local_aws.directory import Directory
from local_aws.terraform import PROVIDER_VERSION, TerraformProvider

Decide = Callable[..., dict[str, object]]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A file that gains a line with every call of the stand-in terraform."""
    return tmp_path / "calls"


@pytest.fixture
def decide(tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch) -> Decide:
    (tmp_path / "bin").mkdir()
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    for name in os.environ:
        if name.lower() in ("tf_cli_config_file", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def run(choice: str, *, init_exit_code: int = 0) -> dict[str, object]:
        script = tmp_path / "bin" / "terraform"
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {calls}\ngrep -q {PROVIDER_VERSION} main.tf || exit 9\n'
            f'echo "Error: Failed to query available provider packages"\nexit {init_exit_code}\n'
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        provider = TerraformProvider(
            choice,
            Directory(tmp_path),
            "http://127.0.0.1:1",
            AccessKey.generate(),
            outer=os.environ,
            watch_folder=lambda folder: None,
        )
        provider.start()
        try:
            deadline = time.monotonic() + 30
            while (status := provider.status())["provider"] is None and time.monotonic() < deadline:
                time.sleep(0.01)
            return status
        finally:
            provider.stop()

    return run


def test_installable_provider_is_used(decide: Decide) -> None:
    status = decide("auto")
    assert status == {"provider": "hashicorp", "environment": {"CHECKPOINT_DISABLE": "1"}, "error": None}


def test_the_provider_looked_for_is_the_one_of_the_stacks() -> None:
    golden = Path(__file__).parents[1] / "stacks" / "golden" / "local-state.json"
    assert json.loads(golden.read_text())["terraform"]["required_providers"]["aws"]["version"] == PROVIDER_VERSION


def test_answer_is_remembered(decide: Decide, calls: Path, tmp_path: Path) -> None:
    decide("auto")
    decide("auto", init_exit_code=1)
    assert len(calls.read_text().splitlines()) == 1
    (tmp_path / "provider.json").unlink()
    decide("hashicorp", init_exit_code=1)
    assert len(calls.read_text().splitlines()) == 2
    assert json.loads((tmp_path / "provider.json").read_text())["problem"] == (
        "Failed to query available provider packages"
    )


def test_answer_is_asked_for_again_when_terraform_s_configuration_changes(
    decide: Decide, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decide("auto", init_exit_code=1)["provider"] == "stand-in"
    mirror = tmp_path / "mirror" / "registry.terraform.io" / "hashicorp" / "aws"
    mirror.mkdir(parents=True)
    configuration = tmp_path / "home" / ".terraformrc"
    configuration.parent.mkdir()
    configuration.write_text(f'provider_installation {{ filesystem_mirror {{ path = "{tmp_path / "mirror"}" }} }}')
    assert decide("auto")["provider"] == "hashicorp"
    assert decide("auto", init_exit_code=1)["provider"] == "hashicorp"
    assert len(calls.read_text().splitlines()) == 2
    (mirror / "terraform-provider-aws_6.25.0_linux_amd64.zip").touch()
    decide("auto")
    assert len(calls.read_text().splitlines()) == 3
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    decide("auto")
    assert len(calls.read_text().splitlines()) == 4


def test_proxies_stay_for_terraform_s_registry(decide: Decide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert decide("auto")["environment"] == {"CHECKPOINT_DISABLE": "1", "HTTPS_PROXY": "http://proxy.example:3128"}


def test_missing_provider_that_was_asked_for_is_an_error(decide: Decide) -> None:
    status = decide("hashicorp", init_exit_code=1)
    assert status["provider"] == "none"
    assert f"hashicorp/aws {PROVIDER_VERSION} cannot be installed: Failed to query" in str(status["error"])


def test_none_asks_nobody(decide: Decide, calls: Path) -> None:
    assert decide("none")["provider"] == "none"
    assert not calls.exists()


def test_stand_in_where_there_is_no_registry(decide: Decide, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    status = decide("auto", init_exit_code=1)
    assert status["provider"] == "stand-in"
    environment = status["environment"]
    assert isinstance(environment, dict)
    configuration = Path(environment["TF_CLI_CONFIG_FILE"])
    assert configuration == tmp_path / "stand-in" / "terraform.rc"
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    assert environment["TF_PLUGIN_CACHE_DIR"] == ""
    # For Terraform and for OpenTofu.
    for host in ("registry.terraform.io", "registry.opentofu.org"):
        archive = f"hashicorp/aws/terraform-provider-aws_{PROVIDER_VERSION}_linux_amd64.zip"
        assert (tmp_path / "stand-in" / "mirror" / host / archive).is_file()
    loud = [record.message for record in caplog.records if "STAND-IN PROVIDER" in record.message]
    assert len(loud) == 1
    assert "cannot be installed here (Failed to query available provider packages)" in loud[0]


def test_cli_configuration_of_the_user_reaches_every_terraform(
    decide: Decide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.tfrc").write_text('credentials "registry.example" {\n  token = "t"\n}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "my.tfrc")
    environment = decide("auto")["environment"]
    assert isinstance(environment, dict)
    assert environment["TF_CLI_CONFIG_FILE"] == str(tmp_path / "my.tfrc")
    environment = decide("stand-in")["environment"]
    assert isinstance(environment, dict)
    assert 'credentials "registry.example"' in Path(environment["TF_CLI_CONFIG_FILE"]).read_text()


def test_a_start_in_a_shell_of_another_local_aws(
    decide: Decide, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its variables lead Terraform to the stand-in, which must not be taken for hashicorp/aws, nor asked for twice."""
    (tmp_path / "my.tfrc").write_text("disable_checkpoint = true\n")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "my.tfrc"))
    environment = decide("auto", init_exit_code=1)["environment"]
    assert isinstance(environment, dict)
    text = Path(environment["TF_CLI_CONFIG_FILE"]).read_text()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert decide("auto")["provider"] == "stand-in"  # what is known still holds
    assert Path(environment["TF_CLI_CONFIG_FILE"]).read_text() == text
    assert len(calls.read_text().splitlines()) == 1


def test_cli_configuration_that_is_not_there(decide: Decide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "my.tfrc"))
    environment = decide("auto")["environment"]
    assert isinstance(environment, dict)
    assert Path(environment["TF_CLI_CONFIG_FILE"]) == tmp_path / "run" / "terraform.rc"
