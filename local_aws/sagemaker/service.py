"""The SageMaker service without HTTP: its operations in one table."""

from collections.abc import Callable
from typing import Any

from ..quotas import Quotas
from .data_capture import DataCapture
from .endpoint_changes import Alarms, EndpointChanges, Fleets
from .endpoint_configs import EndpointConfigs
from .endpoints import Endpoints, ScalingTargets
from .errors import UnknownOperationError
from .invoker import Invoker
from .metrics import Metrics
from .models import Account, Models
from .pace import Pace
from .records import Endpoint, EndpointConfig, Model, Table
from .saved import read_config, read_model, write_endpoint, write_record
from .tags import Tags
from .validation import input_shape, validate

Operation = Callable[[dict[str, Any]], dict[str, Any] | None]


class SageMakerService:
    """Control plane (`call`), `invoker`, and `endpoints` for those that watch them."""

    def __init__(
        self,
        *,
        account: Account,
        launcher: Fleets,
        scaling: ScalingTargets,
        alarms: Alarms,
        metrics: Metrics,
        pace: Pace,
        invocation_timeout_seconds: float,
        quotas: Quotas,
        capture: DataCapture,
    ) -> None:
        models = Table[Model]("model", "model")
        configs = Table[EndpointConfig]("endpoint configuration", "endpoint-config")
        endpoints = Table[Endpoint]("endpoint", "endpoint")
        tags = Tags({"model": models, "endpoint-config": configs, "endpoint": endpoints})
        self._models, self._configs, self._tags = models, configs, tags
        self._changes = EndpointChanges(launcher, alarms, pace)
        self.endpoints = Endpoints(
            table=endpoints,
            configs=configs,
            models=models,
            tags=tags,
            changes=self._changes,
            scaling=scaling,
            alarms=alarms,
            quotas=quotas,
        )
        self.invoker = Invoker(self.endpoints, metrics, capture, invocation_timeout_seconds)
        model_operations = Models(models, tags, account)
        config_operations = EndpointConfigs(configs, models, tags)
        self._operations: dict[str, Operation] = {
            "CreateModel": model_operations.create,
            "DescribeModel": model_operations.describe,
            "ListModels": model_operations.list_page,
            "DeleteModel": model_operations.delete,
            "CreateEndpointConfig": config_operations.create,
            "DescribeEndpointConfig": config_operations.describe,
            "ListEndpointConfigs": config_operations.list_page,
            "DeleteEndpointConfig": config_operations.delete,
            "CreateEndpoint": self.endpoints.create,
            "DescribeEndpoint": self.endpoints.describe,
            "ListEndpoints": self.endpoints.list_page,
            "UpdateEndpoint": self.endpoints.update,
            "UpdateEndpointWeightsAndCapacities": self.endpoints.update_weights_and_capacities,
            "DeleteEndpoint": self.endpoints.delete,
            "AddTags": tags.add_tags,
            "ListTags": tags.list_tags,
            "DeleteTags": tags.delete_tags,
        }

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run one operation of the control plane. Raises SageMakerError."""
        if operation not in self._operations:
            raise UnknownOperationError(
                f"The operation {operation} is not part of the local AWS. It has: {', '.join(self._operations)}."
            )
        members = validate(request, input_shape(operation))
        return self._operations[operation](members) or {}

    def saved(self) -> dict[str, Any]:
        """Every resource, as JSON."""
        return {
            "models": [write_record(model) for model in self._models.all()],
            "configs": [write_record(config) for config in self._configs.all()],
            "endpoints": self.endpoints.each(write_endpoint),
            "tags": self._tags.all(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Make what `saved` gave the resources of this service, which has none. `endpoints.resume` lets them run."""
        for document in saved["models"]:
            self._models.add(read_model(document))
        for document in saved["configs"]:
            self._configs.add(read_config(document))
        for document in saved["endpoints"]:
            self.endpoints.restore(document)
        self._tags.restore(saved["tags"])

    def cancel(self) -> None:
        self._changes.cancel()

    def stop(self) -> None:
        self._changes.stop()
