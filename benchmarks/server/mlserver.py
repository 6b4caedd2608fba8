"""Seldon's MLServer: a custom runtime with ONNX Runtime, loaded through its repository API."""

import base64
import json
import shutil
from pathlib import Path

from .environments import install_pinned
from .errors import UnexpectedAnswerError
from .load_generator import Invocation
from .server_process import ServerProcess, free_port

REQUIREMENTS = Path(__file__).with_name("mlserver_requirements.txt")
HANDLERS = Path(__file__).with_name("rival_handlers")


def install_mlserver(directory: Path) -> Path:
    """Make MLServer's environment, unless it stands already; the folder of its programs."""
    return install_pinned(directory, "MLServer", REQUIREMENTS)


class MLServer(ServerProcess):
    """MLServer on loopback.

    Args:
        programs: folder of its environment's programs, as `install_mlserver` gives it.
        directory: working directory with settings and models; removed first.
        workers: processes that hold every model; MLServer's own setting is 1.
    """

    ready_path = "/v2/health/live"

    def __init__(self, programs: Path, directory: Path, workers: int = 1) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        port = free_port()
        self._repository = directory / "repository"
        self._repository.mkdir(parents=True)
        settings = {
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_endpoint": None,
            "model_repository_root": str(self._repository),
            "load_models_at_startup": False,
            "parallel_workers": workers,
            "debug": False,
        }
        (directory / "settings.json").write_text(json.dumps(settings))
        environment = {"PYTHONPATH": str(HANDLERS), "OMP_NUM_THREADS": "1"}
        super().__init__(
            "MLServer", [str(programs / "mlserver"), "start", str(directory)], environment, directory, port
        )

    def prepare(self, model: str, directory: Path) -> Path:
        """Describe the artifact in the repository."""
        artifact = self._repository / model
        artifact.mkdir()
        settings = {
            "name": model,
            "implementation": "mlserver_runtime.PictureRuntime",
            "parameters": {"uri": str(directory.resolve())},
        }
        (artifact / "model-settings.json").write_text(json.dumps(settings))
        return artifact

    def load(self, model: str, directory: Path) -> None:
        """Load a prepared model. Raises UnexpectedAnswerError unless the server answers 200."""
        status, answer = self.request("POST", f"/v2/repository/models/{model}/load", b"{}")
        if status != 200:
            raise UnexpectedAnswerError(f"{self.name}: load of {model}", status, answer)

    def invocation(self, model: str, body: bytes, content_type: str) -> Invocation:
        """The picture in base64: MLServer takes JSON only."""
        picture = {
            "name": "picture",
            "shape": [1],
            "datatype": "BYTES",
            "parameters": {"content_type": "base64"},
            "data": [base64.b64encode(body).decode()],
        }
        content = json.dumps({"inputs": [picture]}).encode()
        return Invocation(f"/v2/models/{model}/infer", {"Content-Type": "application/json"}, content)
