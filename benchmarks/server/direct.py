"""The engine's own time: the server's worker code called in a loop, with no server around it.

A program of its own (`python -m benchmarks.server.direct FOLDER SECONDS`), because an engine's threads are settled when
it is imported; `direct_samples` runs it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .errors import BenchmarkError
from .photograph import photograph_jpeg

PHASES = ("decode", "engine", "encode")
WARM_UP_REQUESTS = 10
ROOT = Path(__file__).resolve().parents[2]


def direct_samples(folder: Path, seconds: float) -> dict[str, list[float]]:
    """Seconds that decoding the photograph, the engine and encoding the answer took, a value each a repetition.

    The environment's engine threads are those of a server with one worker a core. Raises BenchmarkError.
    """
    command = [sys.executable, "-m", "benchmarks.server.direct", str(folder), str(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=_environment())
    if result.returncode != 0:
        raise BenchmarkError(f"the engine could not be called directly:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def _environment() -> Mapping[str, str]:
    return dict(os.environ) | {"OMP_NUM_THREADS": "1"}


def _repeat(folder: Path, seconds: float) -> dict[str, list[float]]:
    from container.model_server.settings import read_settings  # noqa: PLC0415 - only this program needs the engines
    from container.model_server.worker import Worker  # noqa: PLC0415

    worker = Worker(read_settings({}))
    worker.load("model", folder)
    header = {
        "operation": "invoke",
        "model": "model",
        "content_type": "image/jpeg",
        "accept": "application/json",
    }
    body = bytearray(photograph_jpeg())
    samples: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for _ in range(WARM_UP_REQUESTS):
        worker.invoke(header, body)
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        fields, _ = worker.invoke(header, body)
        for phase in PHASES:
            samples[phase].append(float(fields[f"{phase}_seconds"]))
    return samples


if __name__ == "__main__":
    print(json.dumps(_repeat(Path(sys.argv[1]), float(sys.argv[2]))))
