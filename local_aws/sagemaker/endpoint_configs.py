"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

from typing import Any

from .data_capture import CapturePlan
from .errors import ValidationError
from .listing import page
from .records import EndpointConfig, Model, Table
from .s3_uri import InvalidS3UriError
from .tags import Tags

_DESCRIBED = ("ProductionVariants", "DataCaptureConfig", "KmsKeyId", "ExecutionRoleArn", "VpcConfig", "MetricsConfig")
_NOT_RUN_HERE = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")


class EndpointConfigs:
    """The endpoint configurations of the account."""

    def __init__(self, table: Table[EndpointConfig], models: Table[Model], tags: Tags) -> None:
        self._table = table
        self._models = models
        self._tags = tags

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        for member in _NOT_RUN_HERE:
            if member in request:
                raise ValidationError(f"The local AWS runs no endpoints with {member}.")
        names = [variant["VariantName"] for variant in request["ProductionVariants"]]
        if len(set(names)) != len(names):
            raise ValidationError("Variant names must be unique within an endpoint configuration.")
        for variant in request["ProductionVariants"]:
            self._check_variant(variant)
        try:
            CapturePlan.read(request.get("DataCaptureConfig"))
        except InvalidS3UriError as error:
            raise ValidationError(f"DataCaptureConfig: DestinationS3Uri: {error}") from error
        name = request["EndpointConfigName"]
        config = EndpointConfig(name=name, arn=self._table.arn(name), request=request)
        self._table.add(config)
        self._tags.set_initial(config)
        return {"EndpointConfigArn": config.arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        config = self._table.get(request["EndpointConfigName"])
        answer = {
            "EndpointConfigName": config.name,
            "EndpointConfigArn": config.arn,
            "CreationTime": config.created,
        }
        return answer | {member: config.request[member] for member in _DESCRIBED if config.request.get(member)}

    def list_page(self, request: dict[str, Any]) -> dict[str, Any]:
        def summary(config: EndpointConfig) -> dict[str, Any]:
            return {
                "EndpointConfigName": config.name,
                "EndpointConfigArn": config.arn,
                "CreationTime": config.created,
            }

        return page(self._table.all(), request, summary, "EndpointConfigs")

    def delete(self, request: dict[str, Any]) -> None:
        """As on AWS a configuration in use can be deleted: its endpoint serves on, but can no longer be updated."""
        self._table.remove(request["EndpointConfigName"])
        self._tags.forget(self._table.arn(request["EndpointConfigName"]))

    def _check_variant(self, variant: dict[str, Any]) -> None:
        name = variant["VariantName"]
        if "ServerlessConfig" in variant:
            raise ValidationError(f"Variant {name}: the local AWS runs no serverless variants.")
        for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
            if member not in variant:
                raise ValidationError(f"Variant {name}: {member} is required.")
        self._models.get(variant["ModelName"])
        # AWS fills this one in, and describes it.
        variant.setdefault("InitialVariantWeight", 1.0)
