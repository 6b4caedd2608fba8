"""The lock of a state in S3: who holds it, since when, and what to do about one that nobody holds any more.

With `use_lockfile` the lock is an object beside the state, KEY.tflock, that is written on condition that it is not
there yet: https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
"""

from __future__ import annotations

import getpass
import json
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.stack_name import split_stack_name

STALE_AFTER = timedelta(hours=3)
"""Older locks are taken for left behind. The provider waits 60 minutes at most for an endpoint, then 10 for one that it
deletes, and the verification 15: the rest of the three hours is for uploads and everything else of an apply."""

_STACK = re.compile(r"(?:^|/)(?:terraform\.)?([\w-]+-[a-zA-Z]+(?:-\d+)?)(?:/terraform)?\.tfstate")
_TEXT_FIELD = re.compile(r"^[ │]*(ID|Path|Operation|Who|Version|Created|Info):[ ]*(.*?)[ ]*$", re.MULTILINE)
_OPERATIONS = {"OperationTypeApply": "an apply", "OperationTypePlan": "a plan", "OperationTypeInvalid": "a command"}


@dataclass(frozen=True)
class StateLock:
    """Who holds a lock: what Terraform writes into the lock object.

    Attributes:
        id: what `force-unlock` has to name.
        operation: Terraform's word for it, e.g. `OperationTypeApply`.
        who: user@machine.
        created: since when; None where it cannot be read.
        path: bucket and key of the state.
    """

    id: str
    operation: str
    who: str
    created: datetime | None
    path: str

    @classmethod
    def of_this_user(cls, operation: str, path: str) -> StateLock:
        """A new lock, held by this user on this machine."""
        return cls(str(uuid.uuid4()), operation, f"{getpass.getuser()}@{socket.gethostname()}", datetime.now(UTC), path)

    @classmethod
    def parse(cls, content: bytes) -> StateLock:
        """Read a lock object; one that is not Terraform's JSON is a lock as well, of nobody known."""
        try:
            fields = json.loads(content)
            return cls._from_fields(fields if isinstance(fields, dict) else {})
        except ValueError:
            return cls._from_fields({})

    @classmethod
    def find(cls, text: str) -> StateLock | None:
        """The lock in Terraform's message `Error acquiring the state lock`, or None."""
        _, found, info = text.partition("Lock Info:")
        return cls._from_fields(dict(_TEXT_FIELD.findall(info))) if found else None

    @classmethod
    def _from_fields(cls, fields: Mapping[str, object]) -> StateLock:
        def field(name: str) -> str:
            return str(fields.get(name) or "unknown")

        return cls(
            field("ID"), field("Operation"), field("Who"), _instant(str(fields.get("Created", ""))), field("Path")
        )

    @property
    def stack(self) -> str | None:
        """The stack whose state it locks, such as `dev-models`, by the state's path; None where that is another's."""
        match = _STACK.search(self.path)
        return None if match is None else match[1]

    def to_json(self) -> bytes:
        """The lock object's content, as Terraform reads it."""
        created = "" if self.created is None else self.created.isoformat()
        fields = {"ID": self.id, "Operation": self.operation, "Who": self.who, "Created": created, "Path": self.path}
        return json.dumps({**fields, "Info": "", "Version": ""}).encode()

    def is_stale(self, now: datetime) -> bool:
        """Whether it is older than anything that this project lets run."""
        return self.created is not None and now - self.created > STALE_AFTER

    def describe(self, now: datetime) -> str:
        """One sentence: who holds it, what for, since when."""
        operation = _OPERATIONS.get(self.operation, self.operation)
        if self.created is None:
            return f"The state is locked by {self.who} for {operation}, since an unknown time (lock {self.id})."
        since = f"{self.created:%Y-%m-%d %H:%M:%S} UTC, {_age(now - self.created)}"
        return f"The state is locked by {self.who} for {operation}, since {since} (lock {self.id})."

    def advice(self, now: datetime, stack: str) -> str:
        """What to do: wait, or make sure that nobody is at work and remove it on purpose."""
        environment, name = split_stack_name(stack)
        remove = f"make unlock ENV={environment} STACK={name} LOCK={self.id}"
        if self.is_stale(now):
            return (
                "No deployment takes that long: a killed run has probably left it behind. Make sure that "
                f"{self.who} runs nothing on {stack} any more, then remove the lock: {remove}"
            )
        return (
            f"Wait until {self.who} is done and try again. If that run was killed, make sure that it is gone, then "
            f"remove the lock: {remove}"
        )


def _instant(text: str) -> datetime | None:
    """Terraform's two ways to write a time: RFC 3339 in the object, Go's own in messages; nanoseconds are cut."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|[+-]\d\d:?\d\d)", text)
    if match is None:
        return None
    zone = "+00:00" if match[3] == "Z" else match[3]
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    if seconds < 0:
        return "which is in the future: one of the two clocks is wrong"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds >= length or unit == "second":
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    raise AssertionError("the last unit always fits")
