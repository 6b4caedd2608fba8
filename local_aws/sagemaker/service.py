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

    def cancel(self) -> None:
        self._changes.cancel()

    def stop(self) -> None:
        self._changes.stop()
