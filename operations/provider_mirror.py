"""Tries another release of hashicorp/aws in the place of the one that the stacks name, without a change of the stacks.

`python -m operations.provider_mirror DIRECTORY` lets Terraform install the newest release of the same major version and
puts it into a mirror in DIRECTORY, under the version that the stacks name. With TF_CLI_CONFIG_FILE set to
DIRECTORY/terraform.rc every Terraform of this project uses it. Leave TF_PLUGIN_CACHE_DIR unset meanwhile: the cache
would keep the release under the wrong version.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from local_aws.cli_configuration import without_own_configuration
from local_aws.terraform import PROVIDER_VERSION
from operations.terraform import Terraform, TerraformError

CONFIGURATION_FILE = "terraform.rc"
_ADDRESS = "registry.terraform.io/hashicorp/aws"
_NEWEST = f">= {PROVIDER_VERSION}, < {int(PROVIDER_VERSION.partition('.')[0]) + 1}.0.0"


def mirror_provider(directory: Path, version: str) -> str:
    """Make the mirror in `directory`, in place of one that is there, and say which release is in it.

    Args:
        directory: is made when it is not there.
        version: a version constraint of Terraform's.

    Raises:
        TerraformError: Terraform cannot install such a release.
    """
    directory = directory.resolve()
    with tempfile.TemporaryDirectory(prefix="terraform-provider-") as folder:
        requirement = {"terraform": {"required_providers": {"aws": {"source": _ADDRESS, "version": version}}}}
        (Path(folder) / "main.tf.json").write_text(json.dumps(requirement))
        # A shell with the local AWS's variables would give the stand-in.
        environment = without_own_configuration(os.environ)
        Terraform(Path(folder), {**environment, "CHECKPOINT_DISABLE": "1"}).run("init", "-no-color", "-backend=false")
        (installed,) = (Path(folder) / ".terraform" / "providers" / _ADDRESS).glob("*/*")
        mirrored = directory / _ADDRESS
        shutil.rmtree(mirrored, ignore_errors=True)
        # A cache of plugins leaves a link.
        shutil.copytree(installed.resolve(), mirrored / PROVIDER_VERSION / installed.name)
        release = installed.parent.name
    (directory / CONFIGURATION_FILE).write_text(
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = {json.dumps(str(directory))}\n    include = ["hashicorp/aws"]\n  }}\n'
        '  direct {\n    exclude = ["hashicorp/aws"]\n  }\n}\n'
    )
    return release


def _command(
    directory: Annotated[Path, typer.Argument(help="Folder of the mirror and of its terraform.rc.")],
    version: Annotated[str, typer.Option(help="Which release: a version constraint of Terraform's.")] = _NEWEST,
) -> None:
    """Mirror another release of hashicorp/aws under the version that the stacks name, and print which one it is."""
    try:
        typer.echo(mirror_provider(directory, version))
    except TerraformError as error:
        sys.exit(f"hashicorp/aws {version} cannot be installed:\n{error.output}")


if __name__ == "__main__":
    typer.run(_command)
