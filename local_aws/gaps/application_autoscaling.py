"""Application Auto Scaling: tags of scalable targets, and targets of SageMaker that are not there.

moto drops the tags of RegisterScalableTarget and has no ListTagsForResource, which Terraform's provider calls on every
refresh. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
"""

from collections.abc import Callable
from typing import Any

from ..account import ACCOUNT_ID, REGION
from .errors import GapError

_Target = tuple[str, str]


class AutoScalingGaps:
    """Tags by scalable dimension and resource id: what a target is known by before it has an ARN.

    `variant_exists` is asked with the names of an endpoint and a variant.
    """

    def __init__(self, variant_exists: Callable[[str, str], bool]) -> None:
        self._variant_exists = variant_exists
        self._tags: dict[_Target, dict[str, str]] = {}

    def reset(self) -> None:
        """Forget all tags."""
        self._tags.clear()

    def register_scalable_target(self, request: dict[str, Any]) -> None:
        target = (request["ScalableDimension"], request["ResourceId"])
        if request.get("ServiceNamespace") == "sagemaker":
            self._check_variant(request["ResourceId"])
        if "Tags" in request:
            self._tags[target] = dict(request["Tags"])

    def deregister_scalable_target(self, request: dict[str, Any]) -> None:
        self._tags.pop((request["ScalableDimension"], request["ResourceId"]), None)

    def list_tags_for_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tags.get(self._find(request["ResourceARN"]), {})}

    def tag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        self._tags.setdefault(self._find(request["ResourceARN"]), {}).update(request["Tags"])
        return {}

    def untag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tags.get(self._find(request["ResourceARN"]), {})
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _check_variant(self, resource_id: str) -> None:
        parts = resource_id.split("/")
        is_variant = len(parts) == 4 and (parts[0], parts[2]) == ("endpoint", "variant")
        if not is_variant or not self._variant_exists(parts[1], parts[3]):
            raise GapError("ValidationException", f"SageMaker variant doesn't exist: {resource_id}")

    def _find(self, arn: str) -> _Target:
        # Not at the top: it brings moto's EC2, a second that most runs need not spend.
        from moto.applicationautoscaling.models import applicationautoscaling_backends  # noqa: PLC0415

        backend = applicationautoscaling_backends[ACCOUNT_ID][REGION]
        for dimension, targets in backend.targets.items():
            for resource_id, target in targets.items():
                if target.arn == arn:
                    return dimension, resource_id
        raise GapError("ResourceNotFoundException", f"The scalable target doesn't exist: {arn}", ResourceName=arn)
