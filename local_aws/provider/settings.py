"""The provider block: what it says, checked; what has no meaning on the local AWS (profiles), accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..access_key import AccessKey
from .clients import ClientPool, Clients, ClientSettings, aws_errors, require_loopback
from .errors import Problem, ProviderError
from .object_listing import Refresh
from .values import UNKNOWN

DEFAULT_REGION = "us-east-1"
_ROLE_MEMBERS = {"role_arn": "RoleArn", "session_name": "RoleSessionName", "external_id": "ExternalId"}


@dataclass(frozen=True)
class ProviderSettings:
    """One configured provider: its clients, the tags that it puts on everything, Terraform's folder."""

    clients: Clients
    default_tags: Mapping[str, str]
    ignored_tags: frozenset[str]
    ignored_tag_prefixes: tuple[str, ...]
    directory: Path
    refresh: Refresh | None = None

    @property
    def region(self) -> str:
        return self.clients.settings.region

    def own_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags that are Terraform's business: AWS's own and the ignored ones taken out."""
        prefixes = ("aws:", *self.ignored_tag_prefixes)
        return {
            key: value for key, value in tags.items() if not key.startswith(prefixes) and key not in self.ignored_tags
        }


def read_settings(
    config: Mapping[str, Any], endpoint_url: str, pool: ClientPool, directory: Path
) -> tuple[ProviderSettings, list[Problem]]:
    """The settings that a provider block makes, and warnings.

    `endpoint_url` is the local AWS, used for every service for which the block names no endpoint. Raises ProviderError
    with every endpoint that is not on loopback, or an account that the block does not allow.
    """
    endpoints, problems, warnings = _endpoints(config)
    if problems:
        raise ProviderError(problems)
    if not endpoints:
        warnings.append(
            Problem(
                "Everything goes to the local AWS, not to AWS",
                "The provider block names no endpoints, and this Terraform run uses the local AWS's stand-in for "
                f"hashicorp/aws (this shell has the local AWS's variables): {endpoint_url} answers.",
                is_warning=True,
            )
        )
    attempts = _known(config["max_retries"])
    path_style = _known(config["s3_use_path_style"])
    clients = pool.clients(
        ClientSettings(
            endpoint_url=endpoint_url,
            region=_known(config["region"]) or DEFAULT_REGION,
            endpoints=tuple(sorted(endpoints.items())),
            use_path_style=True if path_style is None else path_style,
            # The provider's default of 25 would make a stopped local AWS look like one that hangs.
            max_attempts=3 if attempts is None else int(attempts) + 1,
            key=_key(config),
            role=_role(config),
        )
    )
    _check_account(config, clients)
    ignored = _first(config["ignore_tags"])
    settings = ProviderSettings(
        clients=clients,
        default_tags=_known(_first(config["default_tags"]).get("tags")) or {},
        ignored_tags=frozenset(_known(ignored.get("keys")) or ()),
        ignored_tag_prefixes=tuple(_known(ignored.get("key_prefixes")) or ()),
        directory=directory,
        refresh=Refresh(clients.heads),
    )
    return settings, warnings


def _endpoints(config: Mapping[str, Any]) -> tuple[dict[str, str], list[Problem], list[Problem]]:
    endpoints: dict[str, str] = {}
    problems: list[Problem] = []
    for block in config["endpoints"]:
        for service, url in block.items():
            if not _known(url):
                continue
            try:
                endpoints[service] = require_loopback(url, ("endpoints",))
            except ProviderError as error:
                problems += error.problems
    return endpoints, problems, []


def _check_account(config: Mapping[str, Any], clients: Clients) -> None:
    allowed, forbidden = _known(config["allowed_account_ids"]), _known(config["forbidden_account_ids"])
    if not allowed and not forbidden:
        return
    with aws_errors("finding out the AWS account", clients.settings.endpoint_url):
        account = clients.identity["Account"]
    if (allowed and account not in allowed) or (forbidden and account in forbidden):
        name = "allowed_account_ids" if allowed else "forbidden_account_ids"
        raise ProviderError(
            Problem(f"AWS account ID not allowed: {account}", f"The provider block's {name} excludes it.", (name,))
        )


def _key(config: Mapping[str, Any]) -> AccessKey | None:
    """The static credentials of the block, which take precedence as in the real provider."""
    key_id, secret = _known(config["access_key"]), _known(config["secret_key"])
    return AccessKey(key_id, secret) if key_id and secret else None


def _role(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The members of the AssumeRole request that `assume_role` makes; none without it."""
    block = _first(config["assume_role"])
    return tuple((member, block[name]) for name, member in _ROLE_MEMBERS.items() if _known(block.get(name)))


def _known(value: Any) -> Any:
    return None if value is UNKNOWN else value


def _first(blocks: Any) -> Mapping[str, Any]:
    return blocks[0] if blocks and blocks is not UNKNOWN else {}
