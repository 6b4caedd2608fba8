"""Loads one artifact and runs it once, the way a server does, and prints what it saw as JSON. A process of its own.

    python -m container.model_server.trial FOLDER PROGRAM MEMORY_BYTES

Exit code 0 with a `Trial`, 3 with `{"refused": REASON}`; any other is the end of a process that an engine or an
artifact's own code brought down.
"""

import gc
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact.contents import read_artifact
from ..errors import ServerError, UnsupportedAccept
from ..memory import private_bytes
from ..worker.formats.encode import ACCEPTS
from ..worker.loading import Loader
from ..worker.served_model import ServedModel
from .report import REFUSED, Refusal, Tensor, Trial


def try_artifact(directory: Path, program: str) -> Trial:
    """Load the artifact, run it on made-up instances, and encode the answer in every form that can carry it.

    Raises InvalidArtifact, and what encoding raises.
    """
    loader = Loader(program, artifact_code=True, engine_threads=1)
    loader.start(read_artifact(directory, program).engine)
    before, start = _private_bytes(), time.perf_counter()
    model, artifact, outputs = loader.load(directory)
    load_seconds = time.perf_counter() - start
    after = _private_bytes()
    if isinstance(model, ServedModel):
        for form in ACCEPTS:
            try:
                model.encode({name: _finite(array) for name, array in outputs.items()}, form)
            except UnsupportedAccept:
                continue  # the answer to a request for this form says so
    return Trial(
        engine=artifact.engine or "code",
        inputs=tuple(Tensor(name=spec.name, dtype=spec.dtype, shape=spec.shape) for spec in model.inputs),
        outputs=tuple(
            Tensor(name=name, dtype="str" if array.dtype.kind in "OU" else array.dtype.name, shape=array.shape)
            for name, array in outputs.items()
        ),
        memory_bytes=None if before is None or after is None else max(0, after - before),
        load_seconds=round(load_seconds, 3),
    )


def _private_bytes() -> int | None:
    gc.collect()
    try:
        return private_bytes()
    except OSError:  # not Linux
        return None


def _finite(array: NDArray[Any]) -> NDArray[Any]:
    """Made-up instances may well lead to what no real one leads to, such as the logarithm of zero."""
    return np.nan_to_num(array) if array.dtype.kind == "f" else array


def main() -> int:
    sys.dont_write_bytecode = True  # else running an artifact's code would add to its folder
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # the artifact's code may import it first
    resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[3]), resource.RLIM_INFINITY))
    answer = os.dup(1)
    os.dup2(2, 1)  # what an artifact's code prints is no part of the answer
    try:
        text, code = try_artifact(Path(sys.argv[1]), sys.argv[2]).model_dump_json(), 0
    except MemoryError:
        text, code = Refusal(refused="it takes more memory than the check may").model_dump_json(), REFUSED
    except ServerError as error:
        text, code = Refusal(refused=error.message).model_dump_json(), REFUSED
    os.write(answer, text.encode())
    return code


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Without unwinding: threads of an engine or of an artifact's code must not keep the process.
    os._exit(status)
