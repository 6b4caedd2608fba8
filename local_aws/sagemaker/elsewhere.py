"""SageMaker in the regions that the local AWS does not have: nothing is there, and nothing can be created."""

from typing import Any

from ..account import REGION, sagemaker_arn
from .errors import ValidationError, could_not_find

_LISTS = {"ListModels": "Models", "ListEndpointConfigs": "EndpointConfigs", "ListEndpoints": "Endpoints"}
_NAMES = (
    ("EndpointName", "endpoint", "endpoint"),
    ("EndpointConfigName", "endpoint configuration", "endpoint-config"),
    ("ModelName", "model", "model"),
)


def answer_elsewhere(operation: str, request: dict[str, Any], region: str) -> dict[str, Any]:
    """What `region` answers. Raises ValidationError."""
    if operation in _LISTS:
        return {_LISTS[operation]: []}
    if not operation.startswith("Create"):
        for member, what, kind in _NAMES:
            if isinstance(request.get(member), str):
                raise could_not_find(what, sagemaker_arn(kind, request[member]).replace(REGION, region, 1))
    raise ValidationError(
        f"The local AWS has SageMaker in {REGION} only; this request is signed for {region}. Set AWS_REGION, or the "
        f"client's region, to {REGION}."
    )
