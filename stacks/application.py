"""The application: the stacks of each environment."""

from collections.abc import Sequence

from model_catalog.lock import Lock
from stacks.access import AccessStack
from stacks.access_rights import AccessRights
from stacks.aws_bindings import App
from stacks.endpoint import EndpointStack
from stacks.image import ImageStack
from stacks.models import ModelsStack
from stacks.names import Names
from stacks.project import Project
from stacks.settings import Settings
from stacks.shards import held_by, locks_by_shard
from stacks.state import StateStack


def add_stacks(app: App, settings: Settings, lock: Lock, context_hash: str, project: Project) -> None:
    """Add the stacks of all environments.

    Names that one stack needs from another are computed, so that each can be planned alone, even on an empty account.

    Args:
        app: what to add them to.
        settings: the environments.
        lock: the catalog of models.
        context_hash: the content hash of the image's build context.
        project: where things lie.
    """
    for environment, environment_settings in settings.environments.items():
        names = Names(environment, environment_settings)
        if environment_settings.existing.state_bucket is None:
            StateStack(app, names, project)
        image = ImageStack(app, names, project, context_hash)
        shards = []
        catalog = held_by(lock, environment, environment_settings)
        for shard, held in locks_by_shard(catalog, environment_settings.shards).items():
            shard_names = Names(environment, environment_settings, shard)
            models = ModelsStack(app, shard_names, project, held, catalog.keys_digest())
            shards.append((models, EndpointStack(app, shard_names, project, context_hash)))
        _order(image, shards)
        if environment_settings.access is not None:
            rights = AccessRights(names, _source_buckets(lock))
            AccessStack(app, names, project, environment_settings.access, rights)


def _order(image: ImageStack, shards: Sequence[tuple[ModelsStack, EndpointStack]]) -> None:
    """Make `cdktf deploy` follow `stacks.names.stacks_in_order`; it starts stacks without dependencies all at once.

    A dependency binds only stacks that are deployed together, so each stack names every stack it must follow: an
    endpoint its image and artifacts, and a shard the later shard, which holds its models before this one loses them.
    No stack depends on that of the state bucket: CDKTF initialises all backends before it deploys anything.
    """
    # The last to be deployed comes first: CDKTF looks for cycles in all that is below a dependency, at each call.
    for (models, endpoint), later_shard in zip(shards, [*shards[1:], ()], strict=True):
        endpoint.add_dependency(models)
        endpoint.add_dependency(image)
        for dependency in later_shard:
            models.add_dependency(dependency)


def _source_buckets(lock: Lock) -> set[str]:
    """The buckets that artifacts are copied from."""
    versions = (version for model in lock.models.values() for version in model.versions)
    return {version.source.path.partition("/")[0] for version in versions if version.source is not None}
