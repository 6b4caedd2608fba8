"""The project's own server, straight from container/."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .server_process import ServerProcess, free_port

SERVE = Path(__file__).resolve().parents[2] / "container" / "serve"


def forms_folder(directory: Path) -> Path:
    """Where the server whose working directory this is keeps optimised forms of ONNX models."""
    return directory.absolute() / "forms"


def model_server(
    directory: Path,
    workers: int | None = None,
    memory_mib: int | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    port: int | None = None,
) -> ServerProcess:
    """The server as the image starts it, on a free loopback port; not started yet.

    Args:
        directory: its working directory and log.
        workers: worker processes for all models together; its default is one a core.
        memory_mib: what it may hold; its default is 90 % of the machine's or container's memory.
        settings: further environment variables.
        prefix: a program that runs the server, such as prlimit, with its arguments.
        port: where it listens; a free one where not given.
    """
    shutil.rmtree(directory, ignore_errors=True)
    port = port or free_port()
    environment = {
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MULTI_MODEL": "true",
        "MODEL_SERVER_HOST": "127.0.0.1",
        # Each run makes its own.
        "MODEL_SERVER_OPTIMISED_FOLDER": str(forms_folder(directory)),
    }
    if workers is not None:
        environment["MODEL_SERVER_WORKERS"] = str(workers)
    if memory_mib is not None:
        environment["MODEL_SERVER_MEMORY_MIB"] = str(memory_mib)
    environment |= settings or {}
    return ServerProcess("model server", [*prefix, sys.executable, str(SERVE), "serve"], environment, directory, port)
