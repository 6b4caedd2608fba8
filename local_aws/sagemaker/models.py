"""CreateModel, DescribeModel, ListModels, DeleteModel.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
"""

from dataclasses import dataclass
from typing import Any, Protocol

from .errors import ValidationError
from .listing import page
from .model_containers import is_direct, read_containers, required_labels
from .records import Model, ModelContainer, Table
from .s3_uri import S3Uri
from .tags import Tags

# Docker's image manifest, version 2 schema 2. To OCI's, which ECR takes, AWS answers with the error below.
# https://github.com/aws/amazon-sagemaker-feedback/issues/180
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_DESCRIBED = ("ExecutionRoleArn", "VpcConfig", "InferenceExecutionConfig")


@dataclass(frozen=True)
class ModelImage:
    """What CreateModel looks at of an image in ECR: its manifest's media type and its labels."""

    manifest_type: str
    labels: dict[str, str]


class Account(Protocol):
    """What CreateModel looks up in the account's other services."""

    def image(self, uri: str) -> ModelImage | None:
        """None when there is no such image in ECR."""

    def bucket_exists(self, bucket: str) -> bool: ...

    def object_exists(self, bucket: str, key: str) -> bool: ...

    def role_exists(self, arn: str) -> bool:
        """Whether the role is there and sagemaker.amazonaws.com may assume it."""


class Models:
    """The models of the account."""

    def __init__(self, table: Table[Model], tags: Tags, account: Account) -> None:
        self._table = table
        self._tags = tags
        self._account = account

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        containers = read_containers(request)
        if "ExecutionRoleArn" not in request:
            raise ValidationError("ExecutionRoleArn is required.")
        for container in containers:
            self._check_image(container, len(containers))
            if container.model_data is not None:
                self._check_model_data(container, container.model_data, request["ExecutionRoleArn"])
        name = request["ModelName"]
        model = Model(
            name=name,
            arn=self._table.arn(name),
            request=request,
            containers=containers,
            is_direct=is_direct(request),
        )
        self._table.add(model)
        self._tags.set_initial(model)
        return {"ModelArn": model.arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        model = self._table.get(request["ModelName"])
        answer = {
            "ModelName": model.name,
            "ModelArn": model.arn,
            "CreationTime": model.created,
            "EnableNetworkIsolation": model.request.get("EnableNetworkIsolation", False),
        }
        for member in ("PrimaryContainer", "Containers", *_DESCRIBED):
            if model.request.get(member):
                answer[member] = model.request[member]
        return answer

    def list_page(self, request: dict[str, Any]) -> dict[str, Any]:
        return page(
            self._table.all(),
            request,
            lambda model: {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created},
            "Models",
        )

    def delete(self, request: dict[str, Any]) -> None:
        """An endpoint that runs the model goes on, as on AWS: it has its own copy of what it needs."""
        self._table.remove(request["ModelName"])
        self._tags.forget(self._table.arn(request["ModelName"]))

    def _check_image(self, container: ModelContainer, count: int) -> None:
        uri = container.image
        image = self._account.image(uri)
        if image is None:
            raise ValidationError(f"Requested image {uri} not found.")
        if image.manifest_type != _MANIFEST_TYPE:
            raise ValidationError(
                f"Unsupported manifest media type {image.manifest_type} for image {uri}. "
                "Ensure that valid manifest media type is used for specified image."
            )
        for label in required_labels(container, count):
            if image.labels.get(label) != "true":
                raise ValidationError(f"Your Ecr Image {uri} does not contain required {label}=true Docker label(s).")

    def _check_model_data(self, container: ModelContainer, location: S3Uri, role_arn: str) -> None:
        if not self._account.bucket_exists(location.bucket) or not self._account.role_exists(role_arn):
            raise ValidationError(
                f'Could not access model data at {location}. Please ensure that the role "{role_arn}" exists and that '
                'its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
                "object is located in us-east-1."
            )
        if not container.is_multi_model and not self._account.object_exists(location.bucket, location.key):
            raise ValidationError(f"Could not find model data at {location}.")
