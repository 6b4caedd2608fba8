"""The committed lock file is written by real Terraform, and every `init` on AWS insists on it."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from operations import provider_lock
from operations.deployment import Deployment
from operations.terraform import TerraformError
from stacks.provider_lock import LOCK_FILE

SOURCE = "registry.terraform.io/hashicorp/aws"
VERSION = "6.25.0"


def write_mirror(directory: Path, content: str = "a provider") -> Path:
    """A file system mirror as `terraform providers mirror` makes it, with a provider for every platform."""
    folder = directory / SOURCE
    folder.mkdir(parents=True, exist_ok=True)
    for platform in provider_lock.PLATFORMS:
        with zipfile.ZipFile(folder / f"terraform-provider-aws_{VERSION}_{platform}.zip", "w") as archive:
            archive.writestr(f"terraform-provider-aws_v{VERSION}", f"{content} for {platform}")
    return directory


class OneStack(Deployment):
    """A deployment of one stack that uses the provider, and no backend."""

    stacks = ("models",)

    def write(self) -> None:
        folder = self.output_directory / "stacks" / f"{self.environment}-models"
        folder.mkdir(parents=True, exist_ok=True)
        required = {"aws": {"source": "hashicorp/aws", "version": VERSION}}
        (folder / "cdk.tf.json").write_text(json.dumps({"terraform": {"required_providers": required}}))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    base = {"region": "us-east-1", "account_id": "111111111111", "instance_type": "ml.m5.large"}
    environments = {"dev": base, "local": base | {"local_aws": {}}}
    (directory / "cdktf.json").write_text(json.dumps({"context": {"environments": environments}}))
    return directory


def deployment(project: Path, mirror: Path) -> OneStack:
    """Terraform installs from the mirror only."""
    settings = project.parent / f"{mirror.name}.tfrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
    made = OneStack("dev", project, project / "out", {"TF_CLI_CONFIG_FILE": str(settings)})
    made.write()
    return made


def test_the_lock_has_every_platform_and_init_insists_on_it(project: Path, tmp_path: Path):
    mirror = write_mirror(tmp_path / "mirror")
    told = io.StringIO()
    written = provider_lock.write(deployment(project, mirror), str(mirror), Console(file=told))
    assert written == project / LOCK_FILE
    text = written.read_text()
    assert f'provider "{SOURCE}"' in text and f'version     = "{VERSION}"' in text
    assert text.count('"h1:') == len(provider_lock.PLATFORMS)
    assert "Commit it" in told.getvalue()

    terraform = deployment(project, mirror).terraform("models")
    assert terraform.lock_file == written
    terraform.init()
    assert (terraform.directory / LOCK_FILE).read_text() == text

    # A mirror that serves something else under the same version is refused, and the lock stays as it is.
    shutil.rmtree(terraform.directory / ".terraform")
    changed = deployment(project, write_mirror(tmp_path / "changed", "another provider")).terraform("models")
    with pytest.raises(TerraformError, match="checksums"):
        changed.init()
    assert (project / LOCK_FILE).read_text() == text


def test_without_a_lock_terraform_writes_down_what_it_finds(project: Path, tmp_path: Path):
    terraform = deployment(project, write_mirror(tmp_path / "mirror")).terraform("models")
    assert terraform.lock_file is None
    terraform.init()
    assert "h1:" in (terraform.directory / LOCK_FILE).read_text()


def test_the_local_aws_may_have_another_provider(project: Path):
    (project / LOCK_FILE).write_text("")
    assert OneStack("dev", project).provider_lock == project / LOCK_FILE
    assert OneStack("local", project).provider_lock is None


def test_a_mirror_without_a_platform_is_an_error_and_writes_nothing(project: Path, tmp_path: Path):
    mirror = write_mirror(tmp_path / "mirror")
    next((mirror / SOURCE).glob("*darwin_arm64.zip")).unlink()
    with pytest.raises(TerraformError, match="darwin_arm64"):
        provider_lock.write(deployment(project, mirror), str(mirror), Console(file=io.StringIO()))
    assert not (project / LOCK_FILE).exists()
