"""The baseline: AWS's multi-model-server under sagemaker-inference-toolkit, in an environment of its own."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .environments import install
from .errors import BenchmarkError
from .server_process import ServerProcess, free_port

# numpy and mxnet as in the application's Pipfile.lock; the others are the last releases of AWS's projects.
REQUIREMENTS = (
    "multi-model-server==1.1.11",
    "sagemaker-inference==1.10.1",
    "mxnet==1.9.1",
    "numpy==1.23.5",
    # sagemaker-inference imports pkg_resources, which setuptools 81 dropped.
    "setuptools==80.9.0",
)
JAVA_RELEASE = 17
HANDLER_DIRECTORY = Path(__file__).parent / "baseline_handler"

# sagemaker_inference/etc/mme-mms.properties and what sagemaker_inference.model_server adds to it; only the addresses
# are loopback ones (the toolkit binds to all).
PROPERTIES = """\
enable_envvars_config=true
decode_input_request=false
model_store=/
default_service_handler=mxnet_handler_service
default_workers_per_model={workers}
async_logging=true
default_response_timeout=60
inference_address=http://127.0.0.1:{port}
management_address=http://127.0.0.1:{port}
vmargs=-XX:-UseContainerSupport
"""


def check_java() -> str:
    """Version of the Java on PATH. Raises BenchmarkError unless it is Java 17."""
    java = shutil.which("java")
    advice = f"multi-model-server needs Java {JAVA_RELEASE} on PATH (Debian: apt-get install openjdk-17-jre-headless)"
    if java is None:
        raise BenchmarkError(f"{advice}; there is no java")
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "((\d+)[^"]*)"', text)
    if found is None or int(found[2]) != JAVA_RELEASE:
        raise BenchmarkError(f"{advice}; {java} says {text.splitlines()[0] if text else 'nothing'}")
    return found[1]


def install_multi_model_server(directory: Path) -> Path:
    """Make the baseline's environment in `directory`, unless it stands already; the folder of its programs."""
    return install(directory, f"{REQUIREMENTS[0]} and its toolkit", REQUIREMENTS, "\n".join(REQUIREMENTS))


def multi_model_server(
    programs: Path, directory: Path, workers_per_model: int, timings: Path | None = None
) -> ServerProcess:
    """multi-model-server as SageMaker starts it for a multi-model endpoint, on a free loopback port; not started yet.

    Args:
        programs: folder of the baseline environment's programs, as `install_multi_model_server` gives it.
        directory: folder for its settings, sockets and logs.
        workers_per_model: processes that load each model; the toolkit's setting for multi-model endpoints is 1.
        timings: file for one line of timings a request, when wanted.
    """
    port = free_port()
    temporary = directory / "tmp"
    shutil.rmtree(directory, ignore_errors=True)
    temporary.mkdir(parents=True)
    properties = directory / "mms.properties"
    properties.write_text(PROPERTIES.format(workers=workers_per_model, port=port))
    # The package's path, without importing it: it belongs to the other environment.
    [log_settings] = programs.parent.glob("lib/python*/site-packages/sagemaker_inference/etc/log4j2.xml")
    command = [
        str(programs / "multi-model-server"),
        "--start",
        "--foreground",
        "--model-store",
        "/",
        "--mms-config",
        str(properties),
        "--log-config",
        str(log_settings),
    ]
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(HANDLER_DIRECTORY),
        "SAGEMAKER_MULTI_MODEL": "true",
        "SAGEMAKER_HANDLER": "mxnet_handler_service",
        # Its sockets and its pid file: two servers must not share them.
        "TEMP": str(temporary),
        "TMPDIR": str(temporary),
        "LOG_LOCATION": str(directory / "logs"),
        "METRICS_LOCATION": str(directory / "logs"),
        # What AWS's MXNet toolkit sets before it starts the server.
        "MXNET_CPU_WORKER_NTHREADS": "1",
        "MXNET_CPU_PRIORITY_NTHREADS": "1",
        "MXNET_KVSTORE_REDUCTION_NTHREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if timings is not None:
        environment["BENCHMARK_TIMINGS"] = str(timings)
    return ServerProcess(f"multi-model-server ({workers_per_model} a model)", command, environment, directory, port)
