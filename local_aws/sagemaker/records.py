"""What the control plane knows: models, endpoint configurations, endpoints and tags, by name.

Values only. `request` is the validated create request: describe answers from it, so that only what was given comes
back.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from ..account import sagemaker_arn
from .errors import already_exists, could_not_find
from .s3_uri import S3Uri

EndpointStatus = Literal[
    "Creating", "Updating", "RollingBack", "InService", "Deleting", "Failed", "UpdateRollbackFailed"
]
RecordT = TypeVar("RecordT", bound="Record")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Record:
    """A named resource."""

    name: str
    arn: str
    request: dict[str, Any]
    created: datetime = field(default_factory=now)


@dataclass(frozen=True)
class ModelContainer:
    """One container of a model. `name`: its ContainerHostname, or what stands for one."""

    name: str
    image: str
    is_multi_model: bool
    model_data: S3Uri | None
    """The prefix of its artifacts where it is multi-model, otherwise its one artifact; None where it has none."""

    environment: dict[str, str]
    cache_models: bool = True
    """False where MultiModelConfig.ModelCacheSetting is Disabled."""


@dataclass
class Model(Record):
    """A model: its containers, at least one."""

    containers: tuple[ModelContainer, ...] = ()
    is_direct: bool = False
    """An invocation names the one container that answers it; otherwise they answer in a row."""

    @property
    def multi_model(self) -> ModelContainer | None:
        """The container into which SageMaker loads models, None where there is none."""
        return next((container for container in self.containers if container.is_multi_model), None)

    @property
    def is_isolated(self) -> bool:
        """EnableNetworkIsolation: the container makes no calls, and has no credentials for them."""
        return self.request.get("EnableNetworkIsolation", False)


@dataclass
class EndpointConfig(Record):
    """An endpoint configuration. Immutable."""

    @property
    def variants(self) -> list[dict[str, Any]]:
        return self.request["ProductionVariants"]


@dataclass
class Endpoint(Record):
    """An endpoint. `config` is the configuration that serves; `pending` the one being deployed."""

    status: EndpointStatus = "Creating"
    config: EndpointConfig | None = None
    pending: EndpointConfig | None = None
    pending_since: datetime | None = None
    stage: str = "Creating"
    """What the update does just now: a VariantStatus of PendingDeploymentSummary."""

    stage_since: datetime | None = None
    failure_reason: str | None = None
    deployment_config: dict[str, Any] | None = None
    modified: datetime = field(default_factory=now)
    saved_variants: dict[str, Any] | None = None
    """What it ran when the account was saved (see `saved`), until it runs again after the restart."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing changes it just now."""
        return self.status not in ("Creating", "Updating", "RollingBack", "Deleting")

    @property
    def arriving(self) -> EndpointConfig | None:
        """The configuration that is being deployed, or taken back."""
        return self.pending if self.status in ("Creating", "Updating", "RollingBack") else None

    @property
    def serving(self) -> EndpointConfig:
        """The configuration that serves, of an endpoint that has been in service."""
        if self.config is None:
            raise RuntimeError(f"endpoint {self.name} has never been in service")
        return self.config


class Table(Generic[RecordT]):
    """Records of one kind by name, in any case, as on AWS. `what` is AWS's word for the kind, `arn_kind` the ARN's."""

    def __init__(self, what: str, arn_kind: str) -> None:
        self._what = what
        self._arn_kind = arn_kind
        self._records: dict[str, RecordT] = {}
        self._lock = threading.Lock()

    def arn(self, name: str) -> str:
        return sagemaker_arn(self._arn_kind, name.lower())

    def add(self, record: RecordT) -> None:
        """Raises ValidationError when the name is taken."""
        with self._lock:
            if record.name.lower() in self._records:
                raise already_exists(self._what, record.arn)
            self._records[record.name.lower()] = record

    def get(self, name: str) -> RecordT:
        """Raises ValidationError when there is none."""
        record = self.find(name)
        if record is None:
            raise could_not_find(self._what, self.arn(name))
        return record

    def find(self, name: str) -> RecordT | None:
        return self._records.get(name.lower())

    def remove(self, name: str) -> None:
        """Raises ValidationError when there is none."""
        with self._lock:
            if self._records.pop(name.lower(), None) is None:
                raise could_not_find(self._what, self.arn(name))

    def all(self) -> list[RecordT]:
        with self._lock:
            return list(self._records.values())
