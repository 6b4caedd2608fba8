"""Terraform's state file: what `state-history` shows of it, and how two of them differ.

The format is version 4, which Terraform has written since 0.12 and OpenTofu writes as well. It is described by
Terraform's source only: internal/states/statefile/version4.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.errors import DamagedStateError

FORMAT_VERSION = 4


@dataclass(frozen=True)
class StateFile:
    """One version of a state.

    Attributes:
        serial: grows by one with each change.
        lineage: the same through the life of a state; Terraform takes two lineages for unrelated states.
        terraform_version: the Terraform that wrote it.
        instances: each resource instance in it by address, as the file has it.
        document: the whole file.
    """

    serial: int
    lineage: str
    terraform_version: str
    instances: Mapping[str, Any]
    document: Mapping[str, Any]

    def with_serial(self, serial: int) -> bytes:
        """The same state as a file with another serial."""
        return json.dumps({**self.document, "serial": serial}, indent=2).encode() + b"\n"


@dataclass(frozen=True)
class AddressChange:
    """An address that two states do not hold alike: `+` only the second does, `-` only the first, `~` they differ."""

    symbol: str
    address: str


def parse_state(content: bytes) -> StateFile:
    """Read a state file.

    Raises:
        DamagedStateError: it is empty, cut off, of another format, or no state at all.
    """
    if not content.strip():
        raise DamagedStateError("it is empty (Terraform takes that for no state at all and would create everything)")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedStateError(f"it is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("version") != FORMAT_VERSION:
        found = document.get("version") if isinstance(document, dict) else None
        raise DamagedStateError(f"its format version is {found!r}, not {FORMAT_VERSION}")
    try:
        instances = {
            _address(resource, instance): instance
            for resource in document["resources"]
            for instance in resource["instances"]
        }
        serial, lineage = int(document["serial"]), str(document["lineage"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedStateError(f"it is no state: {type(error).__name__} {error}") from None
    if not lineage:
        raise DamagedStateError("it is no state: no lineage")
    return StateFile(serial, lineage, str(document.get("terraform_version", "unknown")), instances, document)


def changes(before: StateFile | None, after: StateFile) -> list[AddressChange]:
    """The addresses that differ between two states, by address; against None, all of `after` are new."""
    earlier = {} if before is None else before.instances
    found = []
    for address in sorted({*earlier, *after.instances}):
        if address not in earlier:
            found.append(AddressChange("+", address))
        elif address not in after.instances:
            found.append(AddressChange("-", address))
        elif earlier[address] != after.instances[address]:
            found.append(AddressChange("~", address))
    return found


def _address(resource: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    module = f"{resource['module']}." if "module" in resource else ""
    data = "data." if resource["mode"] == "data" else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    deposed = f" (deposed {instance['deposed']})" if "deposed" in instance else ""
    return f"{module}{data}{resource['type']}.{resource['name']}{index}{deposed}"
