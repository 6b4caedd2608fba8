"""The application: the stacks of each environment."""

from model_catalog.lock import Lock
from stacks.aws_bindings import App
from stacks.endpoint import EndpointStack
from stacks.image import ImageStack
from stacks.models import ModelsStack
from stacks.names import Names
from stacks.project import Project
from stacks.settings import Settings
from stacks.shards import locks_by_shard
from stacks.state import StateStack


def add_stacks(app: App, settings: Settings, lock: Lock, context_hash: str, project: Project) -> None:
    """Add the stacks of all environments.

    No stack depends on another in CDKTF's sense: each can be planned and deployed alone. Names that one needs from
    another are computed.

    Args:
        app: what to add them to.
        settings: the environments.
        lock: the catalog of models.
        context_hash: the content hash of the image's build context.
        project: where things lie.
    """
    for environment, environment_settings in settings.environments.items():
        names = Names(environment, environment_settings)
        StateStack(app, names, project)
        ImageStack(app, names, project, context_hash)
        for shard, held in locks_by_shard(lock, environment_settings.shards).items():
            shard_names = Names(environment, environment_settings, shard)
            ModelsStack(app, shard_names, project, held)
            EndpointStack(app, shard_names, project, context_hash)
