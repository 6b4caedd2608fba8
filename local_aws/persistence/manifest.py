"""What a saved account is: one JSON file that names the format, the versions and every other file.

It is written last: a snapshot counts when its manifest is there.
"""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from ..access_key import AccessKey
from .errors import UnreadableStateError
from .folder import StateFolder, open_own

FORMAT = 1
"""Raised with every change of what is saved: see `tests/local_aws/persistence/test_format.py`."""

_EMPTY_IT = "Remove the folder to begin with an empty account."


@dataclass(frozen=True)
class Manifest:
    """key: the account's access key, the same at every start.
    parts: digests of pickled objects, by name.
    own: what the local AWS's own services know, by name; JSON.
    """

    key: AccessKey = field(repr=False)
    parts: dict[str, str]
    own: dict[str, Any]

    def to_json(self) -> str:
        document = {
            "format": FORMAT,
            "moto": version("moto"),
            "key": {"id": self.key.id, "secret": self.key.secret},
            "parts": self.parts,
            "own": self.own,
        }
        return json.dumps(document, indent=1)


def read_manifest(folder: StateFolder) -> Manifest | None:
    """What was saved last, None where nothing was. Raises UnsafeStateError, UnreadableStateError."""
    path = folder.manifest
    try:
        with open_own(path) as file:
            document = json.loads(file.read())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnreadableStateError(path, f"it is not JSON ({error})", _EMPTY_IT) from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise UnreadableStateError(
            path,
            f"it has format {found}, and this version of the local AWS reads format {FORMAT}",
            f"Start the version that wrote it. {_EMPTY_IT}",
        )
    if document.get("moto") != version("moto"):
        raise UnreadableStateError(
            path,
            f"it was written with moto {document.get('moto')}, and moto {version('moto')} is installed; what moto "
            "keeps differs between its versions",
            f"Install moto {document.get('moto')}. {_EMPTY_IT}",
        )
    try:
        return Manifest(AccessKey(**document["key"]), dict(document["parts"]), dict(document["own"]))
    except (KeyError, TypeError) as error:
        raise UnreadableStateError(path, f"it is damaged ({error!r})", _EMPTY_IT) from error


def read_part(folder: StateFolder, digest: str) -> bytes:
    """A part's bytes. Raises UnsafeStateError, UnreadableStateError."""
    path = folder.parts / digest
    try:
        with open_own(path) as file:
            content = file.read()
    except FileNotFoundError:
        raise UnreadableStateError(path, "the file is missing", _EMPTY_IT) from None
    if part_name(content) != digest:
        raise UnreadableStateError(path, "its content is not what was written", _EMPTY_IT)
    return content


def part_name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
