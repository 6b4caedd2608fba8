"""A filesystem mirror from which Terraform and OpenTofu install the shim as hashicorp/aws.

Archives and not folders: from those Terraform copies the program, so that it still says what is wrong when the local
AWS has ended and its mirror is gone. They have the same bytes everywhere, so that lock files agree.
https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
"""

import shutil
import zipfile
from pathlib import Path

from ..installation import PROVIDER_ADDRESSES

_PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
_SHIM = Path(__file__).with_name("shim.py")
_EXECUTABLE_FILE = 0o100755


def write_mirror(folder: Path, version: str) -> None:
    """Make the mirror in `folder`, in place of one that is there, with the shim as this version of hashicorp/aws."""
    shutil.rmtree(folder, ignore_errors=True)
    program = zipfile.ZipInfo(f"terraform-provider-aws_v{version}")
    program.external_attr = _EXECUTABLE_FILE << 16
    for address in PROVIDER_ADDRESSES:
        (folder / address).mkdir(parents=True)
        for platform in _PLATFORMS:
            with zipfile.ZipFile(folder / address / f"terraform-provider-aws_{version}_{platform}.zip", "w") as archive:
                archive.writestr(program, _SHIM.read_bytes())
