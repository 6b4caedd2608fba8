"""Typed changes of one saved plan: what the rules read. https://developer.hashicorp.com/terraform/internals/json-format"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from plan_review.configuration import Configuration
from plan_review.values import Path, Values, dotted


class Action(enum.Enum):
    """What Terraform does to one resource. The value is the word shown to people."""

    NO_OP = "unchanged"
    READ = "read"
    CREATE = "created"
    UPDATE = "updated in place"
    CREATE_THEN_DELETE = "replaced (created before destroyed)"
    DELETE_THEN_CREATE = "replaced (destroyed before created)"
    DELETE = "destroyed"
    FORGET = "forgotten (kept, no longer managed)"
    CREATE_THEN_FORGET = "replaced (created, the old one kept and no longer managed)"
    FORGET_THEN_CREATE = "replaced (the old one kept and no longer managed, then created)"
    UNKNOWN = "changed by actions that this review does not know"

    @property
    def replaces(self) -> bool:
        return self in _REPLACING

    @property
    def destroys(self) -> bool:
        """Whether something that exists is destroyed, for good or on the way to a new one."""
        return self in (Action.DELETE, Action.CREATE_THEN_DELETE, Action.DELETE_THEN_CREATE)

    @property
    def forgets(self) -> bool:
        """Whether something goes on existing that Terraform no longer manages."""
        return self in (Action.FORGET, Action.CREATE_THEN_FORGET, Action.FORGET_THEN_CREATE)

    @property
    def changes(self) -> bool:
        return self is not Action.NO_OP and self is not Action.READ


_REPLACING = frozenset(
    {Action.CREATE_THEN_DELETE, Action.DELETE_THEN_CREATE, Action.CREATE_THEN_FORGET, Action.FORGET_THEN_CREATE}
)

ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("no-op",): Action.NO_OP,
    ("read",): Action.READ,
    ("create",): Action.CREATE,
    ("update",): Action.UPDATE,
    ("create", "delete"): Action.CREATE_THEN_DELETE,
    ("delete", "create"): Action.DELETE_THEN_CREATE,
    ("delete",): Action.DELETE,
    ("forget",): Action.FORGET,
    ("create", "forget"): Action.CREATE_THEN_FORGET,
    ("forget", "create"): Action.FORGET_THEN_CREATE,
}
"""The `actions` arrays of Terraform and OpenTofu. Any other is `Action.UNKNOWN`, whose harm cannot be judged."""

TAINTED = "replace_because_tainted"

_REASONS: Mapping[str, str] = {
    TAINTED: ", because an earlier apply failed half-way and left it tainted",
    "replace_by_request": ", because the plan was made with -replace",
    "replace_by_triggers": ", because of replace_triggered_by",
    "delete_because_no_resource_config": ", because its block is gone from the configuration",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource of the plan (or of its refresh, for drift), with both sides of its attributes.

    `replace_paths` are the attributes that force a replacement. `deposed` is the key of an old object that an earlier,
    failed create-before-destroy left behind. `previous_address` is set when a `moved` block renamed the resource.
    """

    address: str
    type: str
    name: str
    action: Action
    before: Values
    after: Values
    provider: str = ""
    replace_paths: tuple[Path, ...] = ()
    action_reason: str = ""
    previous_address: str | None = None
    deposed: str | None = None
    importing: bool = False

    @property
    def destroys(self) -> bool:
        return self.action.destroys

    @property
    def side(self) -> Values:
        """The side that exists: after, or before for what is destroyed."""
        return self.after if self.after.exists else self.before

    @property
    def reason(self) -> str:
        """Why it is replaced or destroyed, as the end of a sentence; empty where Terraform says nothing of it."""
        if self.replace_paths:
            return f", forced by {', '.join(sorted({dotted(path) for path in self.replace_paths}))}"
        return _REASONS.get(self.action_reason, "")


@dataclass(frozen=True, slots=True)
class ProviderRequirement:
    """A provider as the configuration asks for it. `version_constraint` is empty when it asks for no version."""

    source: str
    version_constraint: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A part of a plan that this review does not know, with the address (or section) that holds it.

    `changes` says that it changes a resource in a way that cannot be judged.
    """

    address: str
    message: str
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Invocation:
    """An action (Terraform 1.14) that the apply runs. `trigger` says what makes it run; `deferred`, that it waits."""

    address: str
    trigger: str
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """A resource whose change Terraform puts off to a later plan, with Terraform's keyword for the reason."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class OutputChange:
    """An output of the stack whose value changes, with both sides. `hidden` says that it is sensitive."""

    name: str
    before: Any
    after: Any
    hidden: bool = False


@dataclass(frozen=True)
class Plan:
    """One stack's plan.

    `changes` holds every managed resource, the unchanged ones too; `drift` what the refresh found. `unlisted` holds
    every part of the plan that this review does not know. `applyable` is None where the plan does not say.
    """

    stack: str
    source: str
    terraform_version: str
    changes: tuple[Change, ...]
    drift: tuple[Change, ...] = ()
    providers: tuple[ProviderRequirement, ...] = ()
    outputs: tuple[OutputChange, ...] = ()
    failed_checks: tuple[str, ...] = ()
    complete: bool = True
    applyable: bool | None = None
    unlisted: tuple[Unlisted, ...] = ()
    invocations: tuple[Invocation, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    configuration: Configuration = field(default_factory=Configuration, compare=False, repr=False)
    sha256: str = field(default="", compare=False)

    def of_type(self, *types: str) -> Iterator[Change]:
        """The changes (the unchanged resources too) of the given resource types, in the plan's order."""
        for type_ in types:
            yield from self._by_type.get(type_, ())

    @cached_property
    def _by_type(self) -> Mapping[str, tuple[Change, ...]]:
        found: dict[str, list[Change]] = {}
        for change in self.changes:
            found.setdefault(change.type, []).append(change)
        return {type_: tuple(changes) for type_, changes in found.items()}

    @cached_property
    def changing(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action.changes)

    @cached_property
    def at(self) -> Mapping[str, Change]:
        """The change of each address, without the deposed objects."""
        return {change.address: change for change in self.changes if change.deposed is None}

    @property
    def region(self) -> str | None:
        """The region of the stack's AWS provider, when the configuration states it as a constant."""
        return next((provider.region for provider in self.providers if provider.region is not None), None)
