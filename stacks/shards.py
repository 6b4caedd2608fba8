"""Which shard of an environment a model is in: a pure function of its name and the settings, the same everywhere.

Rendezvous hashing (https://en.wikipedia.org/wiki/Rendezvous_hashing): each shard draws a number for the model, and the
highest wins. So one shard more takes its models from all the others alike, and none moves between those.
"""

import hashlib

from model_catalog.lock import Lock, Model
from stacks.names import Names
from stacks.settings import EnvironmentSettings, Settings, ShardLayout, Shards


def shard_of(model: str, layout: ShardLayout) -> int:
    """The shard, from 1 to `count`, that the model of this name is in: the one it is pinned to, else by its hash."""
    pinned = layout.pins.get(model)
    if pinned is not None:
        return pinned
    return max(range(1, layout.count + 1), key=lambda shard: hashlib.sha256(f"{shard}:{model}".encode()).digest())


def names_for(model: str, environment: str, settings: EnvironmentSettings) -> Names:
    """The names of the shard that the model is invoked in."""
    return Names(environment, settings, shard_of(model, settings.shards))


def held_by(lock: Lock, environment: str, settings: EnvironmentSettings) -> Lock:
    """What the environment holds of the catalog: everything, or what was promoted to it."""
    return lock.in_environment(environment) if settings.promoted_models_only else lock


def locks_by_shard(lock: Lock, shards: Shards) -> dict[int, Lock]:
    """For each shard that is deployed what it holds of the catalog; a model on its way is in two of them."""
    found: dict[int, dict[str, Model]] = {shard: {} for shard in range(1, shards.deployed_count + 1)}
    for name, model in lock.models.items():
        for shard in {shard_of(name, layout) for layout in shards.layouts.values()}:
            found[shard][name] = model
    return {shard: lock.model_copy(update={"models": models}) for shard, models in found.items()}


def pin_complaints(settings: Settings, lock: Lock) -> list[str]:
    """One complaint for each pin of a model that the catalog does not have."""
    return [
        f"context.environments.{environment}.{key}.pins.{name}: there is no such model in the catalog "
        f"({settings.catalog.directory}); add it, or remove the pin."
        for environment, environment_settings in settings.environments.items()
        for key, layout in environment_settings.shards.layouts.items()
        for name in layout.pins
        if name not in lock.models
    ]
