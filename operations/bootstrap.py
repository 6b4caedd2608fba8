"""`make bootstrap`: create the bucket of Terraform's state and move the state of its own stack into it.

Where it stands is read from what is there, never remembered: it can be interrupted anywhere and run again. The state is
first kept in a file; when the bucket stands, the file is put there as it is, on condition that there is no state yet.
Of two people who bootstrap at once, one gets an error. (`terraform init -migrate-state -force-copy` would overwrite the
other's state, and like `terraform state push` it gives the state a new lineage.)
"""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from operations.adoption import plan_adoption, show_adoption
from operations.errors import DamagedStateError, StateError
from operations.remote_state import RemoteState, read_backend
from operations.state_check import read_remote_state, read_state_file
from operations.state_file import StateFile, parse_state
from operations.state_lock import StateLock
from operations.terraform import IMPORT_FILE, Terraform

OVERRIDE_FILE = "bootstrap_override.tf.json"


def bootstrap(terraform: Terraform, state_directory: Path, console: Console) -> None:
    """Bring the state stack into being; does nothing when it stands already.

    Args:
        terraform: in the folder of the synthesised state stack.
        state_directory: where the state is kept in a file until it is in the bucket.
        console: gets a line a step.

    Raises:
        StateError: there are two states of the stack, or one is damaged. Nothing was written.
        AdoptionError: a bucket of the name exists and Terraform would have to replace it.
        TerraformError: Terraform failed; run it again when the cause is fixed.
    """
    for left_behind in (OVERRIDE_FILE, IMPORT_FILE):
        (terraform.directory / left_behind).unlink(missing_ok=True)
    kind, _ = read_backend(terraform.directory)
    file = (state_directory / f"terraform.{terraform.directory.name}.tfstate").resolve()
    if kind == "local":
        read_state_file(file)
        _apply(terraform, console, bucket_exists=False)
        console.print(
            f"The state of {terraform.directory.name} stays in {file}, as `state_backend` says. To keep it in the "
            'bucket: `"state_backend": "s3"` in cdktf.json (or the variable STATE_BACKEND=s3), then bootstrap again.',
            highlight=False,
            soft_wrap=True,
        )
        return
    remote = RemoteState(terraform.directory, terraform.environment)
    migrated = read_remote_state(remote)
    if migrated is None:
        migrated = _create(terraform, remote, file, console)
    _remove_leftover(file, migrated, remote)
    terraform.init()
    plan = terraform.plan()
    if plan.changes:
        console.print(f"{remote.stack} has changes since ({plan.summary}): `make deploy` shows and applies them.")
    console.print(
        f"The state of {remote.stack} is s3://{remote.path}, serial {migrated.serial}.", highlight=False, soft_wrap=True
    )


def bootstrap_existing(terraform: Terraform, console: Console) -> None:
    """Check the bucket that `existing.state_bucket` names; there is no state stack then, and nothing to create.

    Args:
        terraform: in the folder of any of the environment's synthesised stacks.
        console: gets a line.

    Raises:
        StateError: the bucket is not there, or keeps no earlier versions.
        TerraformError: Terraform cannot use it.
    """
    remote = RemoteState(terraform.directory, terraform.environment)
    if not remote.bucket_exists():
        raise StateError(
            f"There is no bucket {remote.bucket}. `existing.state_bucket` in cdktf.json names a bucket that its owner "
            "creates. To have this project create it, move the name to `state_bucket`."
        )
    if not remote.bucket_is_versioned():
        raise StateError(
            f"The bucket {remote.bucket} is not versioned, so a damaged state would be lost. Ask its owner to turn "
            f"versioning on: aws s3api put-bucket-versioning --bucket {remote.bucket} --versioning-configuration "
            "Status=Enabled"
        )
    terraform.init()
    console.print(
        f"The states go into {remote.bucket}, which `existing.state_bucket` names: there is nothing to create.",
        highlight=False,
        soft_wrap=True,
    )


def _create(terraform: Terraform, remote: RemoteState, file: Path, console: Console) -> StateFile:
    """Create the bucket with the state in `file`, then move that into the bucket."""
    read_state_file(file)
    override = terraform.directory / OVERRIDE_FILE
    override.write_text(json.dumps({"terraform": {"backend": {"local": {"path": str(file)}}}}))
    _apply(terraform, console, bucket_exists=remote.bucket_exists())
    override.unlink()
    console.print(f"Moving the state into s3://{remote.path}", highlight=False, soft_wrap=True)
    state = parse_state(file.read_bytes())
    with remote.locked(StateLock.of_this_user("bootstrap", remote.path)):
        remote.create(file.read_bytes())
    return state


def _apply(terraform: Terraform, console: Console, *, bucket_exists: bool) -> None:
    terraform.init()
    # A bucket that the state may not know: an earlier run ended before it could write down what it made.
    adoption = plan_adoption(terraform) if bucket_exists else None
    if adoption is not None:
        console.print(f"{terraform.directory.name} takes over what exists:", highlight=False)
        show_adoption(adoption, console)
        terraform.apply(adoption.plan)
        return
    plan = terraform.plan()
    console.print(f"{terraform.directory.name}: {plan.summary}", highlight=False)
    for change in plan.changes:
        console.print(f"  {change.symbol} {change.address}", markup=False, highlight=False)
    if plan.changes:
        terraform.apply(plan)


def _remove_leftover(file: Path, migrated: StateFile, remote: RemoteState) -> None:
    """Remove the file whose state is in the bucket now, and no other."""
    if not file.exists():
        return
    try:
        left = parse_state(file.read_bytes())
    except DamagedStateError as error:
        raise StateError(
            f"{file} is damaged ({error}), and the state is in s3://{remote.path}: remove the file."
        ) from None
    if left.lineage != migrated.lineage or left.serial > migrated.serial:
        raise StateError(
            f"There are two states of {remote.stack}: s3://{remote.path} (serial {migrated.serial}, lineage "
            f"{migrated.lineage}) and {file} (serial {left.serial}, lineage {left.lineage}).\nNothing was written. "
            "The one in the bucket is what everybody uses: see that it holds the bucket (`terraform state list` in "
            f"{remote.stack}'s folder), then remove the file."
        )
    file.unlink()
    Path(f"{file}.backup").unlink(missing_ok=True)
