"""`make state-history`: the versions of a stack's state, and the way back to one of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from operations.errors import DamagedStateError, StateError
from operations.remote_state import RemoteState, StateVersion
from operations.stack_name import split_stack_name
from operations.state_check import own_lineage
from operations.state_file import AddressChange, StateFile, changes, parse_state
from operations.state_lock import StateLock
from operations.terraform import Terraform

_PARALLEL_READS = 8


@dataclass(frozen=True)
class HistoryEntry:
    """One version of the state object, and the state in it or why it cannot be read."""

    version: StateVersion
    state: StateFile | None
    problem: str | None

    @property
    def line(self) -> str:
        """The version's line of the list."""
        version = self.version
        content = self.problem
        if self.state is not None:
            content = f"serial {self.state.serial:>4}  {len(self.state.instances):>5} resources"
        current = "  <- current" if version.is_current else ""
        return (
            f"{version.id}  {version.written:%Y-%m-%d %H:%M:%S} UTC  {version.size_bytes:>9,} bytes  {content}{current}"
        )


@dataclass(frozen=True)
class Restoration:
    """What a restore will do.

    Attributes:
        version_id: the version to go back to.
        content: what is to be written: that state with a serial above all others.
        serial: that serial.
        changes: the addresses that come (+), go (-) and change (~) in the state.
    """

    version_id: str
    content: bytes
    serial: int
    changes: tuple[AddressChange, ...]


def read_history(remote: RemoteState, limit: int) -> list[HistoryEntry]:
    """The newest `limit` versions, the newest first.

    Raises:
        StateError: there is no bucket or no state yet.
    """
    if not remote.bucket_exists():
        environment, _ = split_stack_name(remote.stack)
        raise StateError(f"There is no bucket {remote.bucket}. `make bootstrap ENV={environment}` creates it.")
    versions = remote.versions()[:limit]
    if not versions:
        raise StateError(f"There is no state at {remote.path}: {remote.stack} has not been deployed yet.")
    with ThreadPoolExecutor(_PARALLEL_READS) as executor:
        return list(executor.map(lambda version: _entry(remote, version), versions))


def show_history(remote: RemoteState, console: Console, limit: int) -> None:
    """Print the versions, a line each, and who holds the lock."""
    entries = read_history(remote, limit)
    console.print(f"{remote.stack}: s3://{remote.path}", highlight=False, soft_wrap=True)
    for entry in entries:
        console.print(f"  {entry.line}", markup=False, highlight=False, soft_wrap=True)
    _show_lock(remote, console)


def history_document(entry: HistoryEntry) -> dict[str, Any]:
    """A version as JSON has it; without a serial and a number of resources where it cannot be read."""
    version, state = entry.version, entry.state
    return {
        "version": version.id,
        "written_at": version.written.isoformat(),
        "size_bytes": version.size_bytes,
        "current": version.is_current,
        "serial": None if state is None else state.serial,
        "resources": None if state is None else len(state.instances),
        "problem": entry.problem,
    }


def plan_restoration(remote: RemoteState, version_id: str) -> Restoration:
    """What a restore of `version_id` changes. Writes nothing.

    The way back from a damaged or deleted state as well: what is current need not be readable.

    Raises:
        StateError: there is no such version, it is damaged or of another lineage, or the lock is held.
    """
    remote.refuse_if_locked()
    return _restoration(remote, version_id)


def show_restoration(restoration: Restoration, console: Console) -> None:
    """Print what a restore changes in the state: addresses, one a line."""
    console.print(f"Restoring version {restoration.version_id} as serial {restoration.serial}:", highlight=False)
    if not restoration.changes:
        console.print("  the same resources with the same attributes")
    for change in restoration.changes:
        console.print(f"  {change.symbol} {change.address}", markup=False, highlight=False, soft_wrap=True)
    if any(change.symbol == "-" for change in restoration.changes):
        console.print("Terraform forgets what is marked with -: it stays in AWS and can be imported again.")


def restore(remote: RemoteState, terraform: Terraform, shown: Restoration) -> str:
    """Write the version as the newest one, under the lock, and let Terraform read it.

    Args:
        remote: the state.
        terraform: in the stack's folder.
        shown: what was shown to the user and agreed to.

    Returns:
        The id of the new version.

    Raises:
        StateError: the lock is held, or the state has changed since `shown` was made. Nothing was written.
    """
    terraform.init()
    with remote.locked(StateLock.of_this_user("restore", remote.path)):
        if _restoration(remote, shown.version_id) != shown:
            raise StateError("The state has changed in the meantime. Nothing was written; look at the changes again.")
        written = remote.write(shown.content)
    terraform.state_list()
    return written


def _restoration(remote: RemoteState, version_id: str) -> Restoration:
    versions = {version.id: version for version in remote.versions()}
    if version_id not in versions:
        raise StateError(f"s3://{remote.path} has no version {version_id}. `make state-history` lists them.")
    if versions[version_id].is_deletion:
        raise StateError(f"Version {version_id} is the deletion of the state: there is nothing to restore.")
    try:
        wanted = parse_state(remote.read(version_id) or b"")
    except DamagedStateError as error:
        raise StateError(f"Version {version_id} cannot be restored: {error}.") from None
    lineage = own_lineage(remote, list(versions.values()))
    if lineage not in (None, wanted.lineage):
        raise StateError(
            f"Version {version_id} is of another state: its lineage is {wanted.lineage}, that of s3://{remote.path} is "
            f"{lineage}. It knows nothing of what was made since; it is not restored."
        )
    states = [state for state in (_entry(remote, version).state for version in versions.values()) if state]
    serial = max(state.serial for state in states if state.lineage == wanted.lineage) + 1
    return Restoration(version_id, wanted.with_serial(serial), serial, tuple(changes(_current(remote), wanted)))


def _current(remote: RemoteState) -> StateFile | None:
    content = remote.read()
    try:
        return None if content is None else parse_state(content)
    except DamagedStateError:
        return None


def _entry(remote: RemoteState, version: StateVersion) -> HistoryEntry:
    if version.is_deletion:
        return HistoryEntry(version, None, "deleted")
    try:
        return HistoryEntry(version, parse_state(remote.read(version.id) or b""), None)
    except DamagedStateError as error:
        return HistoryEntry(version, None, f"damaged: {error}")


def _show_lock(remote: RemoteState, console: Console) -> None:
    holder = remote.lock()
    if holder is not None:
        now = datetime.now(UTC)
        console.print(f"{holder.describe(now)}\n{holder.advice(now, remote.stack)}", highlight=False, soft_wrap=True)
