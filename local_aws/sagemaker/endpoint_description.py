"""What DescribeEndpoint says.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from typing import Any

from .fleet import Fleet
from .records import Endpoint, EndpointConfig
from .traffic import Traffic


def describe_endpoint(endpoint: Endpoint, traffic: Traffic | None) -> dict[str, Any]:
    """`traffic`: what runs behind it, None while nothing does."""
    serving = endpoint.pending if endpoint.config is None else endpoint.config
    if serving is None:
        raise RuntimeError(f"endpoint {endpoint.name} has no configuration")
    answer = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": serving.name,
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }
    if traffic is not None:
        answer["ProductionVariants"] = traffic.serving.describe()
    if endpoint.failure_reason is not None:
        answer["FailureReason"] = endpoint.failure_reason
    if endpoint.deployment_config is not None:
        answer["LastDeploymentConfig"] = endpoint.deployment_config
    if "DataCaptureConfig" in serving.request:
        answer["DataCaptureConfig"] = _data_capture(serving.request["DataCaptureConfig"])
    if endpoint.arriving is not None:
        answer["PendingDeploymentSummary"] = _pending(
            endpoint, endpoint.arriving, traffic.arriving if traffic is not None else None
        )
    return answer


def _pending(endpoint: Endpoint, config: EndpointConfig, arriving: Fleet | None) -> dict[str, Any]:
    status: dict[str, Any] = {"Status": endpoint.stage}
    if endpoint.stage_since is not None:
        status["StartTime"] = endpoint.stage_since
    found = {item["VariantName"]: item for item in arriving.describe()} if arriving is not None else {}
    variants = [
        {
            "VariantName": variant["VariantName"],
            "InstanceType": variant["InstanceType"],
            **found.get(variant["VariantName"], {}),
            "VariantStatus": [status],
        }
        for variant in config.variants
    ]
    return {
        "EndpointConfigName": config.name,
        "StartTime": endpoint.pending_since,
        "ProductionVariants": variants,
    }


def _data_capture(config: dict[str, Any]) -> dict[str, Any]:
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
