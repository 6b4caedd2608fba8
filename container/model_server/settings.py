"""Every setting of the server, read once from the environment and passed in.

SageMaker's own variables are taken where it defines one; the rest is named MODEL_SERVER_*. All complaints are
raised together.
"""

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .memory import core_count, memory_limit_bytes

MIB = 1024 * 1024


class SettingsError(ValueError):
    """One or more variables are wrong. The message has one line a complaint."""


def _from(*variables: str) -> str:
    return " ".join(variables)


class Settings(BaseModel):
    """The server's settings. Each field names the variables it is read from (the first one set wins)."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)

    host: Annotated[str, _from("MODEL_SERVER_HOST")] = Field("0.0.0.0", min_length=1)
    """Address to listen on. A container listens on all of its own."""

    port: Annotated[int, _from("SAGEMAKER_BIND_TO_PORT")] = Field(8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one.
    https://docs.aws.amazon.com/sagemaker/latest/dg/build-multi-model-build-container.html"""

    workers: Annotated[int, _from("MODEL_SERVER_WORKERS")] = Field(ge=1, le=256)
    """Worker processes that models share. Default: one a core. Artifacts with code get processes of their own."""

    model_workers: Annotated[int, _from("MODEL_SERVER_MODEL_WORKERS", "SAGEMAKER_MODEL_SERVER_WORKERS")] = Field(
        ge=1, le=256
    )
    """The most worker processes that hold one model at the same time, as in AWS's toolkit. Default: as `workers`."""

    engine_threads: Annotated[int, _from("MODEL_SERVER_ENGINE_THREADS")] = Field(ge=1, le=256)
    """Threads each worker computes with. Default: cores / workers, at least 1."""

    memory_mib: Annotated[int, _from("MODEL_SERVER_MEMORY_MIB")] = Field(ge=128)
    """What all processes of the server together may hold, in MiB. Default: 90 % of the container's limit."""

    queue_length: Annotated[int, _from("MODEL_SERVER_QUEUE_LENGTH")] = Field(256, ge=1, le=100_000)
    """Requests that may wait for a worker; one more is answered 503 at once."""

    queue_seconds: Annotated[float, _from("MODEL_SERVER_QUEUE_SECONDS")] = Field(30.0, gt=0, le=3600)
    """How long a request may wait for a worker before it is answered 503."""

    body_seconds: Annotated[float, _from("MODEL_SERVER_BODY_SECONDS")] = Field(60.0, gt=0, le=3600)
    """How long a request's body may take to arrive."""

    invoke_seconds: Annotated[float, _from("MODEL_SERVER_INVOKE_SECONDS", "SAGEMAKER_MODEL_SERVER_TIMEOUT")] = Field(
        60.0, gt=0, le=3600
    )
    """How long an invocation may wait and run; a worker that is still at it is replaced. SageMaker's limit is 60 s."""

    load_seconds: Annotated[float, _from("MODEL_SERVER_LOAD_SECONDS")] = Field(360.0, gt=0, le=3600)
    """How long a load or an unload may take. SageMaker's limit is 360 s."""

    stop_seconds: Annotated[int, _from("MODEL_SERVER_STOP_SECONDS")] = Field(25, ge=0, le=3600)
    """How long a stop waits for running requests. SageMaker kills 30 s after SIGTERM."""

    max_request_bytes: Annotated[int, _from("MODEL_SERVER_MAX_REQUEST_BYTES", "SAGEMAKER_MAX_REQUEST_SIZE")] = Field(
        6_291_456, ge=1, le=2**31
    )
    """Largest body of an invocation. InvokeEndpoint's limit is the default."""

    default_accept: Annotated[str, _from("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT")] = Field(
        "application/json", min_length=1
    )
    """Form of the answer when the request names none."""

    program: Annotated[str, _from("SAGEMAKER_PROGRAM")] = Field("inference.py", pattern=r"^[A-Za-z0-9_\-]+\.py$")
    """Name of the artifact's own handler file, below `code/`."""

    artifact_code: Annotated[bool, _from("MODEL_SERVER_ARTIFACT_CODE")] = True
    """Whether an artifact may bring its own handler (`code/inference.py`). It runs with the server's rights."""

    forms_mib: Annotated[int, _from("MODEL_SERVER_OPTIMISED_MIB")] = Field(4096, ge=0, le=2**24)
    """What optimised forms of ONNX models may take on disk, in MiB; 0 makes and uses none."""

    forms_folder: Annotated[str, _from("MODEL_SERVER_OPTIMISED_FOLDER")] = Field(min_length=1, pattern=r"^/")
    """Where they are kept, with the mode 0700 and owned by the server's user. Default: a folder
    below TMPDIR, or /var/tmp."""

    endpoint: Annotated[str, _from("MODEL_SERVER_ENDPOINT")] = Field("", max_length=255)
    """The endpoint that runs the server, a dimension of its CloudWatch metrics. SageMaker does not tell the container.
    Empty: no such dimension."""

    variant: Annotated[str, _from("MODEL_SERVER_VARIANT")] = Field("", max_length=255)
    """The endpoint's production variant, a dimension as well."""

    metrics_seconds: Annotated[float, _from("MODEL_SERVER_METRICS_SECONDS")] = Field(60.0, ge=0, le=3600)
    """Period of the CloudWatch embedded metric lines on stdout; 0 turns them off."""

    access_log: Annotated[bool, _from("MODEL_SERVER_ACCESS_LOG")] = True
    """Whether each request writes a line to stdout."""

    log_level: Annotated[int, _from("SAGEMAKER_CONTAINER_LOG_LEVEL")] = Field(20, ge=0, le=50)
    """Python's level of the log on stderr: 10 debug, 20 info, 30 warnings, 40 errors."""

    @property
    def forms_bytes(self) -> int:
        return self.forms_mib * MIB

    @property
    def memory_bytes(self) -> int:
        return self.memory_mib * MIB


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Build the settings from environment variables.

    Raises SettingsError with every complaint at once: wrong values, and MODEL_SERVER_* names that do not exist.
    """
    sources = {name: _variables(field.metadata) for name, field in Settings.model_fields.items()}
    known = {variable for variables in sources.values() for variable in variables}
    complaints = [
        f"{variable}: no such setting; there are {', '.join(sorted(k for k in known if k.startswith('MODEL_SERVER_')))}"
        for variable in sorted(environment)
        if variable.startswith("MODEL_SERVER_") and variable not in known
    ]
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for name, variables in sources.items():
        variable = next((v for v in variables if environment.get(v, "") != ""), None)
        if variable is not None:
            values[name], origins[name] = environment[variable], variable
    cores = core_count()
    values.setdefault("workers", cores)
    # A wrong `workers` is reported below; it must not hide the other complaints.
    workers = str(values["workers"])
    workers_count = max(1, int(workers)) if workers.isdecimal() else 1
    values.setdefault("model_workers", workers_count)
    values.setdefault("engine_threads", max(1, cores // workers_count))
    temporary = environment.get("TMPDIR", "")
    values.setdefault(
        "forms_folder", f"{temporary if temporary.startswith('/') else '/var/tmp'}/model-server-{os.geteuid()}"
    )
    values.setdefault("memory_mib", max(128, int(memory_limit_bytes() * 0.9) // MIB))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        complaints += [
            f"{origins.get(str(e['loc'][0]), str(e['loc'][0]))}: {e['msg']}, got {e['input']!r}" for e in error.errors()
        ]
        raise SettingsError("\n".join(complaints)) from None
    if complaints:
        raise SettingsError("\n".join(complaints))
    return settings


def _variables(metadata: list[object]) -> list[str]:
    return next(entry for entry in metadata if isinstance(entry, str)).split()
