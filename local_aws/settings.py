"""Settings of the local AWS: validated once, frozen, passed in."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from . import defaults
from .quotas import ALL_TYPES

ProviderChoice = Literal["auto", "hashicorp", "stand-in", "none"]
RuntimeChoice = Literal["auto", "docker", "process"]


class LocalAwsSettings(BaseModel):
    """How one local AWS runs.

    Time limits default to those of SageMaker; only tests shorten them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: int = Field(default=defaults.PORT, ge=0, le=65535)
    """TCP port on 127.0.0.1; 0 lets the system choose one."""

    directory: Path = defaults.DIRECTORY
    """Where blobs, snapshots, artifacts and logs live while it runs; emptied at the end, but for a saved account."""

    provider: ProviderChoice = defaults.CHOICE
    """Terraform's AWS provider: `hashicorp` (installed by Terraform), `stand-in` (served by this process),
    `auto` (the former where it can be installed), `none` (callers that do not use Terraform)."""

    runtime: RuntimeChoice = defaults.CHOICE
    """What runs the instances: `docker` (containers of built images), `process` (snapshots of the build context),
    `auto` (what each image needs where an engine answers, else processes)."""

    persist: bool = False
    """Whether the account survives a restart: it is saved in the directory, and brought back from there."""

    record: Path | None = None
    """File for what Terraform and its provider send and get, without credentials; None: nothing is recorded."""

    startup_health_check_seconds: float | None = Field(default=None, gt=0)
    """Budget for a container to answer /ping with 200. None: the production variant's
    ContainerStartupHealthCheckTimeoutInSeconds, else 480 s (SageMaker's eight minutes)."""

    load_timeout_seconds: float = Field(default=defaults.LOAD_TIMEOUT_SECONDS, gt=0)
    """How long a container may take to load or unload a model."""

    invocation_timeout_seconds: float = Field(default=defaults.INVOCATION_TIMEOUT_SECONDS, gt=0)
    """How long a caller of InvokeEndpoint waits, loading included."""

    time_factor: float = Field(default=defaults.TIME_FACTOR, gt=0, le=1)
    """How long a second of CloudWatch's periods and of an update's waits and timeouts takes. 0.01: an alarm's minute
    and a canary's minute pass in 0.6 s. Limits on containers and invocations are not changed."""

    quota: dict[str, int] = Field(default_factory=dict)
    """Quotas of instances behind endpoints, by instance type, and `total` of all together, to rehearse a new account.
    Where one is given, all hold: those not named have the values that ListAWSDefaultServiceQuotas gives. Empty: none
    holds."""

    artifact_cache_bytes: int = Field(default=defaults.ARTIFACT_CACHE_BYTES, gt=0)
    """Extracted artifacts kept on disk; the least recently used ones that no instance has loaded go first."""

    @field_validator("quota", mode="before")
    @classmethod
    def _read_quota(cls, given: Any) -> Any:
        """Takes `TYPE=NUMBER` texts, too."""
        if isinstance(given, dict):
            return given
        return {name.strip(): value for name, _, value in (text.partition("=") for text in given)}

    @field_validator("quota")
    @classmethod
    def _check_quota(cls, given: dict[str, int]) -> dict[str, int]:
        wrong = [name for name in given if name != ALL_TYPES and not name.startswith("ml.")]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: not an instance type; write ml.m5.xlarge=2, or total=4")
        negative = [name for name, value in given.items() if value < 0]
        if negative:
            raise ValueError(f"{', '.join(negative)}: a quota is not negative")
        return given
