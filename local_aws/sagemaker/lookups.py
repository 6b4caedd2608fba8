"""What SageMaker asks the account's other services, through their public APIs."""

import json
from typing import Any

from botocore.exceptions import ClientError

from ..instances.image import ImageNotFoundError, ImageStore
from ..scaling.autoscaler import DIMENSION
from .models import ModelImage

_SERVICE = "sagemaker.amazonaws.com"


class AccountLookups:
    """See `models.Account`. Takes boto3 clients."""

    def __init__(self, images: ImageStore, s3: Any, iam: Any) -> None:
        self._images = images
        self._s3 = s3
        self._iam = iam

    def image(self, uri: str) -> ModelImage | None:
        try:
            image = self._images.resolve(uri)
        except ImageNotFoundError:
            return None
        return ModelImage(image.manifest_type, self._images.labels(image))

    def bucket_exists(self, bucket: str) -> bool:
        try:
            self._s3.head_bucket(Bucket=bucket)
        except ClientError:
            return False
        return True

    def object_exists(self, bucket: str, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError:
            return False
        return True

    def role_exists(self, arn: str) -> bool:
        try:
            role = self._iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        except ClientError:
            return False
        # boto3 decodes the document where it is URL-encoded JSON; it may still come as text.
        document = role["AssumeRolePolicyDocument"]
        return role["Arn"] == arn and _SERVICE in (document if isinstance(document, str) else json.dumps(document))


class ScalingLookups:
    """See `endpoints.ScalingTargets`."""

    def __init__(self, autoscaling: Any) -> None:
        self._autoscaling = autoscaling

    def registered(self, endpoint_name: str) -> set[str]:
        return {resource_id.rpartition("/")[2] for resource_id in self._targets(endpoint_name)}

    def deregister(self, endpoint_name: str) -> None:
        for resource_id in self._targets(endpoint_name):
            self._autoscaling.deregister_scalable_target(
                ServiceNamespace="sagemaker", ResourceId=resource_id, ScalableDimension=DIMENSION
            )

    def _targets(self, endpoint_name: str) -> list[str]:
        pages = self._autoscaling.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
        targets = [target["ResourceId"] for page in pages for target in page["ScalableTargets"]]
        return [target for target in targets if target.startswith(f"endpoint/{endpoint_name}/variant/")]
