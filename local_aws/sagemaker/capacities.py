"""The instances of variants, for the autoscaler: through the same operations as anybody's."""

from collections.abc import Callable
from typing import Any

from ..scaling.autoscaler import CapacityRefusedError
from .errors import SageMakerError, ValidationError

Operate = Callable[[str, dict[str, Any]], dict[str, Any]]


class VariantCapacities:
    """See `scaling.autoscaler.Capacities`. `call` runs an operation of the control plane."""

    def __init__(self, call: Operate) -> None:
        self._call = call

    def exists(self, endpoint: str, variant: str) -> bool:
        """Whether the endpoint is there and has, or is about to have, the variant."""
        try:
            description = self._call("DescribeEndpoint", {"EndpointName": endpoint})
        except ValidationError:
            return False
        pending = description.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        return any(item["VariantName"] == variant for item in [*description.get("ProductionVariants", []), *pending])

    def capacity(self, endpoint: str, variant: str) -> int | None:
        try:
            description = self._call("DescribeEndpoint", {"EndpointName": endpoint})
        except ValidationError:
            return None
        if description["EndpointStatus"] != "InService":
            return None
        found = {item["VariantName"]: item["DesiredInstanceCount"] for item in description["ProductionVariants"]}
        return found.get(variant)

    def set_capacity(self, endpoint: str, variant: str, count: int) -> None:
        wanted = [{"VariantName": variant, "DesiredInstanceCount": count}]
        request = {"EndpointName": endpoint, "DesiredWeightsAndCapacities": wanted}
        try:
            self._call("UpdateEndpointWeightsAndCapacities", request)
        except SageMakerError as error:
            raise CapacityRefusedError(error.message) from error
