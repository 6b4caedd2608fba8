"""What Terraform does not notice of a stack's state before it plans.

Terraform refuses a state that is cut off or is none. An empty one, however, it takes for none at all, and plans to
create everything; that of another stack it takes for this stack's, and plans to destroy what is in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from itertools import dropwhile, takewhile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from operations.errors import DamagedStateError, StateError
from operations.remote_state import RemoteState, StateVersion, read_backend
from operations.stack_name import split_stack_name
from operations.state_file import StateFile, parse_state


def refuse_damaged_state(directory: Path, variables: Mapping[str, str]) -> None:
    """Look at the state of the synthesised stack in `directory`; no state yet is none that is damaged.

    `variables` are Terraform's.

    What keeps it from being read (rights, no bucket, the network), Terraform says itself.

    Raises:
        StateError: the state is empty, cut off, none at all, or of another lineage than its version before.
    """
    kind, arguments = read_backend(directory)
    if kind == "local":
        read_state_file((directory / arguments["path"]).resolve())
        return
    remote = RemoteState(directory, variables)
    with contextlib.suppress(BotoCoreError, ClientError):
        state = read_remote_state(remote)
        if state is not None:
            _refuse_another_lineage(remote, state)


def read_remote_state(remote: RemoteState) -> StateFile | None:
    """The state in S3; None while there is none.

    Raises:
        StateError: it is damaged.
    """
    content = remote.read()
    if content is None:
        return None
    try:
        return parse_state(content)
    except DamagedStateError as error:
        raise StateError(
            f"The state s3://{remote.path} is damaged: {error}.\nNothing was written. {_way_back(remote)}"
        ) from None


def read_state_file(file: Path) -> StateFile | None:
    """The state in a file; None while there is none.

    An empty file is none either, unless there is a backup: Terraform makes it before it has anything to write.

    Raises:
        StateError: it is damaged.
    """
    backup = Path(f"{file}.backup")
    if not file.exists() or (file.stat().st_size == 0 and not backup.exists()):
        return None
    try:
        return parse_state(file.read_bytes())
    except DamagedStateError as error:
        way_back = (
            f"{backup} is the state before the last change: put it in its place."
            if backup.exists()
            else f"There is no {backup.name}; put a copy in its place."
        )
        raise StateError(f"The state {file} is damaged: {error}.\nNothing was written. {way_back}") from None


def own_lineage(remote: RemoteState, versions: Sequence[StateVersion]) -> str | None:
    """The lineage of the oldest of the versions since the last deletion: what has another one was put in their place.

    Args:
        remote: the state.
        versions: its versions, the newest first.

    Returns:
        None where none of them can be read.
    """
    present = dropwhile(lambda version: version.is_deletion, versions)
    for version in reversed(list(takewhile(lambda version: not version.is_deletion, present))):
        with contextlib.suppress(DamagedStateError):
            return parse_state(remote.read(version.id) or b"").lineage
    return None


def _refuse_another_lineage(remote: RemoteState, state: StateFile) -> None:
    lineage = own_lineage(remote, remote.versions())
    if lineage not in (None, state.lineage):
        raise StateError(
            f"The state s3://{remote.path} is another one than before: its lineage is {state.lineage}, that of the "
            f"versions before it {lineage}.\nNothing was written. {_way_back(remote)} To keep the new one "
            "nevertheless, delete the object and put it there again."
        )


def _way_back(remote: RemoteState) -> str:
    environment, stack = split_stack_name(remote.stack)
    return f"`make state-history ENV={environment} STACK={stack}` lists its earlier versions and restores one."
