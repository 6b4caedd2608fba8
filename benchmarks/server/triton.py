"""NVIDIA Triton in its own SageMaker mode: its Python backend with ONNX Runtime, in an environment of its own."""

import json
import os
import shutil
import sys
from pathlib import Path

from .environments import install_pinned
from .load_generator import Invocation
from .server_process import ServerProcess, free_port

REQUIREMENTS = Path(__file__).with_name("triton_requirements.txt")
HANDLERS = Path(__file__).with_name("rival_handlers")
CONFIGURATION = """\
backend: "python"
max_batch_size: 0
input [{{ name: "picture", data_type: TYPE_STRING, dims: [1] }}]
output [{{ name: "scores", data_type: TYPE_FP32, dims: [1, 1000] }}]
instance_group [{{ kind: KIND_CPU, count: {instances} }}]
"""


def install_triton(directory: Path) -> Path:
    """Make Triton's environment, unless it stands already; the folder of its programs."""
    programs = install_pinned(directory, "Triton", REQUIREMENTS)
    server = _server(programs)
    stub = server / "backends" / "python" / "triton_python_backend_stub"
    if not stub.exists():
        # The wheel carries a stub for each Python; the backend starts the one beside it.
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        shutil.copy(server / "python_backend_stubs" / version / stub.name, stub)
        stub.chmod(0o755)
        (server / "bin" / "tritonserver").chmod(0o755)
    return programs


def _server(programs: Path) -> Path:
    [found] = programs.parent.glob("lib/python*/site-packages/pytriton/tritonserver")
    return found


class Triton(ServerProcess):
    """Triton, which takes an artifact as a repository of one model.

    Args:
        programs: folder of its environment's programs, as `install_triton` gives it.
        directory: working directory; removed first.
        instances: processes a model.
    """

    def __init__(self, programs: Path, directory: Path, instances: int = 1) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        port = free_port()
        server = _server(programs)
        packages = server.parents[1]
        command = [
            str(server / "bin" / "tritonserver"),
            f"--backend-directory={server / 'backends'}",
            f"--model-repository={directory / 'none'}",
            "--model-control-mode=explicit",
            "--allow-sagemaker=true",
            f"--sagemaker-port={port}",
            "--allow-http=false",
            "--allow-grpc=false",
            "--allow-metrics=false",
            "--log-info=false",
        ]
        environment = {
            "SAGEMAKER_MULTI_MODEL": "true",
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(packages),
            # The stub embeds the interpreter's library.
            "LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}{os.pathsep}{Path(sys.base_prefix) / 'lib'}",
            "OMP_NUM_THREADS": "1",
        }
        super().__init__("Triton", command, environment, directory, port)
        self._repository = directory / "repository"
        self._instances = instances
        (directory / "none").mkdir(parents=True)

    def prepare(self, model: str, directory: Path) -> Path:
        """The artifact as Triton wants it: MODEL/config.pbtxt and MODEL/1 with code and weights."""
        artifact = self._repository / model
        version = artifact / model / "1"
        version.mkdir(parents=True)
        (artifact / model / "config.pbtxt").write_text(CONFIGURATION.format(instances=self._instances))
        shutil.copy(HANDLERS / "triton_model.py", version / "model.py")
        shutil.copy(HANDLERS / "onnx_pictures.py", version)
        for file in directory.glob("*.onnx"):
            (version / file.name).symlink_to(file.resolve())
        return artifact

    def invocation(self, model: str, body: bytes, content_type: str) -> Invocation:
        """The picture as one BYTES element behind a JSON head, which is Triton's binary form."""
        element = len(body).to_bytes(4, "little") + body
        picture = {
            "name": "picture",
            "shape": [1],
            "datatype": "BYTES",
            "parameters": {"binary_data_size": len(element)},
        }
        head = json.dumps({"inputs": [picture]}).encode()
        headers = {"Content-Type": f"application/vnd.sagemaker-triton.binary+json;json-header-size={len(head)}"}
        return Invocation(f"/models/{model}/invoke", headers, head + element)
