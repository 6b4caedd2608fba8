"""Which endpoint a test calls, whether it may, and what it costs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from examples.load_test.errors import LoadTestError
from model_catalog.lock import Lock
from plan_review.prices import bundled_prices
from stacks.names import Names
from stacks.settings import EnvironmentSettings, Settings
from stacks.settings_reader import read_settings
from stacks.shards import locks_by_shard

_SETTINGS_FILE = Path("cdktf.json")
_HOUR_SECONDS = 3600


@dataclass(frozen=True)
class Target:
    """An endpoint.

    Attributes:
        endpoint: its name.
        region: None if the AWS configuration names it.
        endpoint_url: the local AWS's; None for AWS.
        environment: the environment of cdktf.json that it belongs to, if any.
        settings: that environment's settings.
        models: the models of the catalog that it serves.
    """

    endpoint: str
    region: str | None
    endpoint_url: str | None
    environment: str | None
    settings: EnvironmentSettings | None
    models: tuple[str, ...]

    @property
    def is_loopback(self) -> bool:
        host = urlsplit(self.endpoint_url or "").hostname or ""
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    def cost(self, seconds: float) -> float | None:
        """Estimated list price of its instances for so long, as many as scaling allows; None if it is not known."""
        if self.settings is None or self.is_loopback:
            return None
        prices = bundled_prices().regions.get(self.settings.region)
        price = None if prices is None else prices.per_hour.get(self.settings.instance_type)
        scaling = self.settings.auto_scaling
        count = self.settings.initial_instance_count if scaling is None else scaling.maximum_instance_count
        return None if price is None else price * count * seconds / _HOUR_SECONDS


def find_target(
    lock: Lock,
    *,
    environment: str | None,
    endpoint: str | None,
    endpoint_url: str | None,
    region: str | None,
    shard: int = 1,
    settings_file: Path = _SETTINGS_FILE,
    variables: Mapping[str, str] = os.environ,
) -> Target:
    """The endpoint of a shard of an environment, or the one that is named.

    Raises:
        LoadTestError: neither or both are given, or there is no such shard.
        SettingsError: cdktf.json breaks a rule.
    """
    if (environment is None) == (endpoint is None):
        raise LoadTestError("give --environment, whose settings name the endpoint, or --endpoint.")
    if environment is not None:
        settings = read_settings(settings_file, {**variables, "ENVIRONMENT": environment}).environments[environment]
        if not 1 <= shard <= settings.shards.count:
            raise LoadTestError(f"environment {environment} has the shards 1 to {settings.shards.count}, no {shard}.")
        local = settings.local_aws
        return Target(
            endpoint=Names(environment, settings, shard).endpoint,
            region=settings.region,
            endpoint_url=endpoint_url or (None if local is None else local.endpoint_url),
            environment=environment,
            settings=settings,
            models=tuple(locks_by_shard(lock, settings.shards)[shard].models),
        )
    assert endpoint is not None
    owner = _owner(endpoint, read_settings(settings_file, variables)) if settings_file.exists() else None
    name, settings_or_none = (None, None) if owner is None else owner
    return Target(endpoint, region, endpoint_url, name, settings_or_none, tuple(lock.models))


def _owner(endpoint: str, settings: Settings) -> tuple[str, EnvironmentSettings] | None:
    """The environment that deploys the endpoint of this name."""
    for environment, found in settings.environments.items():
        for shard in range(1, found.shards.deployed_count + 1):
            if Names(environment, found, shard).endpoint == endpoint:
                return environment, found
    return None


def refuse_unless_allowed(target: Target, *, aws: bool, production: bool) -> None:
    """Raises LoadTestError for AWS without --aws, and for production without --production.

    An endpoint on AWS that no environment of cdktf.json deploys counts as production: nobody has said that it is not.
    """
    if target.is_loopback:
        return
    if not aws:
        raise LoadTestError(
            f"{target.endpoint} is on AWS, where the requests are paid for and other callers wait behind them: add "
            "--aws. For the local AWS, run `make local` and give --environment local."
        )
    if production:
        return
    if target.settings is None:
        raise LoadTestError(
            f"no environment of {_SETTINGS_FILE} deploys {target.endpoint}, so it counts as production: add "
            "--production if its callers can bear the load."
        )
    if target.settings.is_production(target.environment or ""):
        raise LoadTestError(
            f"{target.endpoint} belongs to {target.environment}, a production environment: add --production if its "
            "callers can bear the load. (The setting `production` says which environments are.)"
        )
