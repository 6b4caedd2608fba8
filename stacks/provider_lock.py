"""The lock file of a stack of the local AWS: a version without checksums.

Which provider serves the local AWS, hashicorp/aws or the stand-in, may change from one start to the next, and with it
the checksum. Each synthesis writes the file again, so no checksum of an earlier `init` is insisted on. And the cdktf
command line does not run `terraform providers lock`, which only asks registries. The project's committed
lock file does not hold for these stacks, and no file of theirs is copied to it.
https://developer.hashicorp.com/terraform/language/files/dependency-lock
"""

import json
from collections.abc import Iterable
from pathlib import Path

LOCK_FILE = ".terraform.lock.hcl"
# cdktf looks for the name as the stack has it, Terraform and OpenTofu for the one with their registry's host.
_HOSTS = ("registry.terraform.io", "registry.opentofu.org")


def write_local_locks(folders: Iterable[Path]) -> None:
    """Write the lock file of each folder that has a synthesised stack in JSON; HCL has no lock file yet."""
    for folder in folders:
        if not (folder / "cdk.tf.json").is_file():
            continue
        document = json.loads((folder / "cdk.tf.json").read_text())
        version = document["terraform"]["required_providers"]["aws"]["version"]
        blocks = (
            f'provider "{host}/hashicorp/aws" {{\n  version     = "{version}"\n  constraints = "{version}"\n}}\n'
            for host in _hosts(folder / LOCK_FILE)
        )
        (folder / LOCK_FILE).write_text("\n".join(blocks))


def _hosts(lock_file: Path) -> list[str]:
    """Those whose provider is installed: a plan fails for any other. All of them before the first `init`."""
    text = lock_file.read_text() if lock_file.is_file() else ""
    return [host for host in _HOSTS if f'"{host}/hashicorp/aws"' in text] or list(_HOSTS)
