"""An instance as a process: `serve` of a snapshot, run by this Python in a scratch folder of its own."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from .child import ChildInstance, Command, Surroundings
from .image import ImageStore
from .instance import InstanceSpec
from .instance_types import find_instance_type
from .ports import PortBlock
from .usage import Usage, usage_of


class ProcessInstance(ChildInstance):
    """See `Instance`."""

    def __init__(self, spec: InstanceSpec, images: ImageStore, surroundings: Surroundings) -> None:
        super().__init__(spec, surroundings)
        self._images = images
        self._snapshot = Path()
        self._scratch: Path | None = None

    def usage(self) -> Usage | None:
        process = self._process
        return usage_of(process.pid) if process is not None else None

    def _fetch_image(self) -> None:
        self._snapshot = self._images.snapshot(self._images.resolve(self.spec.image))

    def place(self, model_name: str, folder: Path) -> str:
        return str(folder)

    def remove(self, model_name: str) -> None:
        pass

    def _prepare(self, block: PortBlock, model: Path | None) -> Command:
        # Short, because servers put unix sockets there, whose paths may have 107 bytes.
        self._scratch = Path(tempfile.mkdtemp(prefix="sagemaker-"))
        self._guardian.watch_folder(self._scratch)
        if not self.spec.is_multi_model:
            base = self._scratch / "ml"
            base.mkdir()
            (base / "model").symlink_to(model) if model is not None else (base / "model").mkdir()
        arguments = [sys.executable, str(self._snapshot / "serve"), "serve"]
        return Command(arguments, self._snapshot, self._environment(block, self._scratch))

    def _clean_up(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._guardian.forget_folder(self._scratch)
            self._scratch = None

    def _environment(self, block: PortBlock, scratch: Path) -> dict[str, str]:
        """What the container sees. Nothing of the machine's: its role's credentials only, no proxies."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            # The snapshot is shared by all instances of an image and stays as it was pushed.
            "PYTHONDONTWRITEBYTECODE": "1",
            **(self._role_environment(self.spec.role_arn) if self.spec.role_arn is not None else {}),
            **self.spec.environment,
            "MODEL_SERVER_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(block.bind_port),
            "SAGEMAKER_SAFE_PORT_RANGE": block.safe_range,
            # Where SageMaker's toolkits look instead of /opt/ml, which is not ours to make on this machine.
            **({"SAGEMAKER_MULTI_MODEL": "true"} if self.spec.is_multi_model else _base_folder(scratch)),
        }
        size = find_instance_type(self.spec.instance_type)
        if size is not None:
            environment.setdefault("MODEL_SERVER_MEMORY_MIB", str(size.memory_mib))
        return environment


def _base_folder(scratch: Path) -> dict[str, str]:
    return {"SAGEMAKER_BASE_DIR": str(scratch / "ml")}


class ProcessInstanceFactory:
    """Makes instances that run as processes of this machine."""

    def __init__(self, images: ImageStore, surroundings: Surroundings) -> None:
        self._images = images
        self._surroundings = surroundings

    def make(self, spec: InstanceSpec) -> ProcessInstance:
        return ProcessInstance(spec, self._images, self._surroundings)
