"""The form of the table's entries: a resource type or data source, as what to do with boto3."""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from .clients import Clients
from .json_text import Wording
from .object_listing import Refresh
from .schema import Block

UNIQUE_SUFFIX = re.compile(r"\d{18}[0-9a-f]{8}$")


@dataclass(frozen=True)
class Call:
    """One operation on one resource: its state (planned or current), the state before, and the way to AWS.

    `directory` is the folder where Terraform runs, None for a data source; `refresh` is there while Terraform
    compares its state with AWS.
    """

    clients: Clients
    service: str
    block: Block
    state: Mapping[str, Any]
    prior: Mapping[str, Any] | None = None
    directory: Path | None = None
    refresh: Refresh | None = None

    def __getitem__(self, name: str) -> Any:
        """An argument of the resource; None when it is not set (or was not known when it was planned)."""
        return self.state[name]

    @property
    def id(self) -> str:
        return self.state["id"]

    @property
    def region(self) -> str:
        return self.state.get("region") or self.clients.settings.region

    @property
    def account(self) -> str:
        return self.clients.identity["Account"]

    @property
    def client(self) -> BaseClient:
        return self.clients.client(self.service, self.region)

    @property
    def tags(self) -> dict[str, str]:
        """The resource's tags, the provider's default ones among them."""
        return self["tags_all"] or {}

    def changed(self, *names: str) -> bool:
        """Whether an update changes any of these."""
        return self.prior is None or any(self.prior[name] != self.state[name] for name in names)

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in this account and region (pass "" for services that leave them out)."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:{self.clients.partition}:{service}:{region}:{account}:{resource}"


Customize = Callable[[Mapping[str, Any], dict[str, Any]], None]
Replan = Callable[[Mapping[str, Any], dict[str, Any]], Iterable[str]]


def _by_id(identifier: str) -> dict[str, Any]:
    return {}


def _as_planned(_config: Mapping[str, Any], _planned: dict[str, Any]) -> None:
    pass


def _nothing_more(_prior: Mapping[str, Any] | None, _planned: dict[str, Any]) -> Iterable[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource type.

    create: makes it and returns its id.
    read: what AWS says, by attribute; what it leaves out keeps its earlier value. None, or a `missing` error: gone.
    update: changes it in place (None: nothing can change in place).
    delete: removes it; a `missing` error means that it was gone already.
    ready: waits, after a creation or update, until it can be used; raises ProviderError when it never will be.
    tag: (call, tags to set, keys to remove), called when tags change; needed where the type has tags.
    imports: the arguments that an import id tells beyond the id itself.
    customize: (configuration, planned state), to refine the plan of a creation or update; raises ProviderError when the
        arguments do not go together.
    replan: the computed attributes that an update makes unknown, from prior and planned state; may refine `planned`.
    missing: how errors begin ("Code: message") that mean that there is no such thing.
    wordings: attributes (dotted for nested ones) of which several texts mean the same.
    unsupported: arguments of the real provider that this entry does nothing with; setting one is an error.
    """

    service: str
    create: Callable[[Call], str]
    read: Callable[[Call], Mapping[str, Any] | None]
    delete: Callable[[Call], object]
    update: Callable[[Call], object] | None = None
    ready: Callable[[Call], object] | None = None
    tag: Callable[[Call, dict[str, str], list[str]], object] | None = None
    imports: Callable[[str], Mapping[str, Any]] = _by_id
    customize: Customize = _as_planned
    replan: Replan = _nothing_more
    wordings: Mapping[str, Wording] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One data source: `read` answers its attributes from its arguments."""

    service: str
    read: Callable[[Call], Mapping[str, Any]]
    unsupported: tuple[str, ...] = ()


def chosen_name(call: Call, attribute: str = "name", prefix: str = "terraform-") -> str:
    """The name asked for, or a unique one made of name_prefix."""
    if call[attribute] is not None:
        return call[attribute]
    prefix = call[f"{attribute}_prefix"] or prefix if f"{attribute}_prefix" in call.state else prefix
    return f"{prefix}{unique_suffix()}"


def unique_suffix() -> str:
    """26 characters as the provider appends them: time in tenths of milliseconds, then a counter in hexadecimal."""
    now = time.time()
    fraction = int(now % 1 * 10_000)
    return f"{time.strftime('%Y%m%d%H%M%S', time.gmtime(now))}{fraction:04d}{secrets.token_hex(4)}"


def name_prefix(name: str) -> str:
    """The prefix of a name that chosen_name made unique; "" for any other name."""
    return UNIQUE_SUFFIX.sub("", name) if UNIQUE_SUFFIX.search(name) else ""
