"""`make provider-lock`: the checksums of the providers, for every platform, in a file that is committed.

Without it the first `terraform init` on a machine trusts whatever the registry serves. With it every `init`, on any
machine, refuses another version or another content (`-lockfile=readonly`).
https://developer.hashicorp.com/terraform/language/files/dependency-lock
"""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console

from model_catalog.progress import progress
from operations.deployment import Deployment
from stacks.provider_lock import LOCK_FILE

PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64")
"""Where the stacks are deployed from: runners and engineers' machines."""


def write(deployment: Deployment, mirror: str | None, console: Console) -> Path:
    """Have Terraform look up the providers of the synthesised stacks and write the project's lock file.

    Args:
        deployment: synthesised. All its stacks use the same providers, so its first stack stands for all.
        mirror: a provider mirror in place of the registry: a URL, or a folder.
        console: gets a line about what was written.

    Returns:
        The lock file, to be committed.

    Raises:
        TerraformError: the registry or the mirror cannot be reached, or lacks the provider for a platform.
    """
    terraform = deployment.terraform(deployment.stacks[0])
    written = terraform.directory / LOCK_FILE
    written.unlink(missing_ok=True)
    arguments = [f"-platform={platform}" for platform in PLATFORMS]
    if mirror is not None:
        arguments.append(f"-net-mirror={mirror}" if "://" in mirror else f"-fs-mirror={Path(mirror).resolve()}")
    with progress(console, "terraform providers lock"):
        terraform.run("providers", "lock", *arguments)
    lock_file = deployment.project_directory / LOCK_FILE
    shutil.copyfile(written, lock_file)
    console.print(f"Written: {lock_file}. Commit it: every `init` on AWS insists on it from now on.", soft_wrap=True)
    return lock_file
