"""An instance as a container of the image, with the memory and the CPUs of its instance type."""

import logging
import os
import shutil
from pathlib import Path

from .child import ChildInstance, Command, Surroundings
from .docker_engine import DockerEngine
from .image import ImageStore
from .instance import InstanceError, InstanceSpec
from .instance_types import find_instance_type
from .ports import PortBlock
from .usage import Usage

logger = logging.getLogger(__name__)

_MODELS = "/opt/ml/models"
_MODEL = "/opt/ml/model"


class DockerInstance(ChildInstance):
    """See `Instance`. The child process is docker's client, attached to the container.

    Args:
        models: folder for what containers see of their models. It must be on the file system of the extracted
            artifacts, whose files get a second name there.
    """

    def __init__(
        self, spec: InstanceSpec, images: ImageStore, surroundings: Surroundings, engine: DockerEngine, models: Path
    ) -> None:
        super().__init__(spec, surroundings)
        self._images = images
        self._engine = engine
        self._models = models / spec.id
        self._reference = ""
        self._container = f"sagemaker-{spec.id}"
        self._has_container = False

    def usage(self) -> Usage | None:
        return None  # the child is docker's client; what the container uses is the engine's knowledge

    def place(self, model_name: str, folder: Path) -> str:
        """As hard links: a symbolic link would lead out of what the container sees."""
        target = self._models / model_name / "model"
        if not target.exists():
            temporary = self._models / model_name / "new"
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(folder, temporary, symlinks=True, copy_function=os.link)
            temporary.rename(target)
        return f"{_MODELS}/{model_name}/model"

    def remove(self, model_name: str) -> None:
        shutil.rmtree(self._models / model_name, ignore_errors=True)

    def _fetch_image(self) -> None:
        image = self._images.resolve(self.spec.image)
        if image.is_snapshot:
            raise InstanceError(
                f"Image {image.uri} is a snapshot of a build context, and the local AWS runs containers only "
                "(LOCAL_AWS_RUNTIME=docker). Push a built image, or set LOCAL_AWS_RUNTIME to auto."
            )
        self._reference = self._engine.pull(image.repository, image.digest)

    def _prepare(self, block: PortBlock, model: Path | None) -> Command:
        self._models.mkdir(parents=True, exist_ok=True)
        source, target = (self._models, _MODELS) if self.spec.is_multi_model else (model or self._models, _MODEL)
        self._guardian.watch_container(self._container)
        self._has_container = True
        self._engine.create(
            [
                f"--name={self._container}",
                f"--label=com.amazonaws.sagemaker.local.image={self.spec.image}",
                f"--publish=127.0.0.1:{block.bind_port}:{block.bind_port}",
                f"--mount=type=bind,source={source},target={target},readonly",
                # The client that is attached writes the log file.
                "--log-driver=none",
                *self._limits(),
                *(f"--env={name}={value}" for name, value in self._environment(block).items()),
                self._reference,
                "serve",
            ]
        )
        return Command(["docker", "start", "--attach", self._container])

    def _clean_up(self) -> None:
        if self._has_container:
            try:
                self._engine.remove(self._container)
            except InstanceError as error:
                logger.error("container %s is left behind: %s", self._container, error)
            self._guardian.forget_container(self._container)
            self._has_container = False
        shutil.rmtree(self._models, ignore_errors=True)

    def _limits(self) -> list[str]:
        size = find_instance_type(self.spec.instance_type)
        if size is None:
            return []
        memory = f"{size.memory_mib}m"
        # An engine refuses more CPUs than it has.
        return [f"--memory={memory}", f"--memory-swap={memory}", f"--cpus={min(size.vcpus, self._engine.cpus)}"]

    def _environment(self, block: PortBlock) -> dict[str, str]:
        return {
            **self.spec.environment,
            "SAGEMAKER_BIND_TO_PORT": str(block.bind_port),
            "SAGEMAKER_SAFE_PORT_RANGE": block.safe_range,
            **({"SAGEMAKER_MULTI_MODEL": "true"} if self.spec.is_multi_model else {}),
        }


class DockerInstanceFactory:
    """Makes instances that run in containers."""

    def __init__(self, images: ImageStore, surroundings: Surroundings, engine: DockerEngine, models: Path) -> None:
        self._images = images
        self._surroundings = surroundings
        self._engine = engine
        self._models = models

    def make(self, spec: InstanceSpec) -> DockerInstance:
        return DockerInstance(spec, self._images, self._surroundings, self._engine, self._models)
