"""CreateModel, DescribeModel, ListModels, DeleteModel.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
"""

from dataclasses import dataclass
from typing import Any, Protocol

from .errors import ValidationError
from .listing import page
from .records import Model, Table
from .s3_uri import InvalidS3UriError, S3Uri
from .tags import Tags

MULTI_MODELS_LABEL = "com.amazonaws.sagemaker.capabilities.multi-models"
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

    def role_exists(self, arn: str) -> bool:
        """Whether the role is there and sagemaker.amazonaws.com may assume it."""


class Models:
    """The models of the account."""

    def __init__(self, table: Table[Model], tags: Tags, account: Account) -> None:
        self._table = table
        self._tags = tags
        self._account = account

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        container = _container(request)
        if container.get("Mode") != "MultiModel":
            raise ValidationError(
                "The local AWS runs multi-model containers only: set the container's Mode to MultiModel."
            )
        for member in ("Image", "ModelDataUrl"):
            if member not in container:
                raise ValidationError(f"{member} is required for a container in MultiModel mode.")
        if "ExecutionRoleArn" not in request:
            raise ValidationError("ExecutionRoleArn is required.")
        if "ModelDataSource" in container:
            raise ValidationError("ModelDataSource is not supported for a container in MultiModel mode.")
        self._check_image(container["Image"])
        self._check_model_data(container["ModelDataUrl"], request["ExecutionRoleArn"])
        name = request["ModelName"]
        model = Model(
            name=name,
            arn=self._table.arn(name),
            request=request,
            image=container["Image"],
            model_data_url=container["ModelDataUrl"],
            environment=container.get("Environment", {}),
            cache_models=container.get("MultiModelConfig", {}).get("ModelCacheSetting") != "Disabled",
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

    def _check_image(self, uri: str) -> None:
        image = self._account.image(uri)
        if image is None:
            raise ValidationError(f"Requested image {uri} not found.")
        if image.manifest_type != _MANIFEST_TYPE:
            raise ValidationError(
                f"Unsupported manifest media type {image.manifest_type} for image {uri}. "
                "Ensure that valid manifest media type is used for specified image."
            )
        if image.labels.get(MULTI_MODELS_LABEL) != "true":
            raise ValidationError(
                f"Your Ecr Image {uri} does not contain required {MULTI_MODELS_LABEL}=true Docker label(s)."
            )

    def _check_model_data(self, url: str, role_arn: str) -> None:
        try:
            prefix = S3Uri.parse(url)
        except InvalidS3UriError as error:
            raise ValidationError(f"Invalid ModelDataUrl: {error}") from error
        if prefix.key.endswith((".tar.gz", ".tgz")):
            raise ValidationError(
                f"Invalid ModelDataUrl: {url} names one archive. A container in MultiModel mode takes the S3 prefix "
                "(s3://bucket/prefix/) below which the archives of all its models are."
            )
        if not self._account.bucket_exists(prefix.bucket) or not self._account.role_exists(role_arn):
            raise ValidationError(
                f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its '
                'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
                "object is located in us-east-1."
            )


def _container(request: dict[str, Any]) -> dict[str, Any]:
    """The one container of a multi-model model: PrimaryContainer, or the only one of Containers."""
    given = [request["PrimaryContainer"]] if "PrimaryContainer" in request else []
    given += request.get("Containers", [])
    if len(given) != 1:
        raise ValidationError(
            "Give exactly one container, as PrimaryContainer or in Containers: "
            f"the local AWS runs no inference pipelines (got {len(given)})."
        )
    return given[0]
