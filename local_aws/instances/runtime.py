"""What runs the endpoints' instances: containers, processes, or what each image asks for."""

from dataclasses import dataclass

from ..errors import LocalAwsError
from ..settings import RuntimeChoice
from .docker_engine import DockerEngine, EngineUnavailableError
from .image import ImageNotFoundError, ImageStore
from .instance import Instance, InstanceFactory, InstanceSpec


class RuntimeUnavailableError(LocalAwsError):
    """Containers were asked for and there is no engine."""


@dataclass(frozen=True)
class Runtime:
    """The engine to use, None for processes, and the choice in words."""

    engine: DockerEngine | None
    description: str


def choose_runtime(choice: RuntimeChoice, registry: str, password: str) -> Runtime:
    """Find out what can run instances. Raises RuntimeUnavailableError.

    Args:
        choice: `docker` (built images, in containers), `process` (snapshots of the build context, as processes), or
            `auto` (both where an engine answers, else processes).
        registry: host and port of the local AWS's registry.
        password: what user AWS logs in with there.
    """
    if choice == "process":
        return Runtime(None, "processes, from snapshots of the build context (LOCAL_AWS_RUNTIME is process)")
    try:
        engine = DockerEngine.find(registry, password)
    except EngineUnavailableError as error:
        if choice == "docker":
            raise RuntimeUnavailableError(
                f"LOCAL_AWS_RUNTIME is docker, but {error}. Start the engine, or set it to auto or process."
            ) from error
        return Runtime(None, f"processes, from snapshots of the build context ({error})")
    return Runtime(engine, f"containers of the built image (docker {engine.version})")


class ByImageFactory:
    """Runs images in containers and snapshots as processes."""

    def __init__(self, images: ImageStore, containers: InstanceFactory, processes: InstanceFactory) -> None:
        self._images = images
        self._containers = containers
        self._processes = processes

    def make(self, spec: InstanceSpec) -> Instance:
        try:
            is_snapshot = self._images.resolve(spec.image).is_snapshot
        except ImageNotFoundError:
            is_snapshot = True  # either kind of instance says so when it is started
        return (self._processes if is_snapshot else self._containers).make(spec)
