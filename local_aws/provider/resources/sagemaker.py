"""SageMaker: https://docs.aws.amazon.com/sagemaker/latest/APIReference/"""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ..clients import error_code
from ..errors import Problem, ProviderError
from ..mapping import attributes, parameters
from ..resource import Call, Resource, chosen_name, name_prefix, unique_suffix
from . import tags

MISSING = ("ValidationException: Could not find", "ResourceNotFound")
ENDPOINT_WAIT_SECONDS = 60 * 60
LONGEST_POLL_SECONDS = 2.0
MODEL_NAMES = {
    "name": "ModelName",
    "arn": "ModelArn",
    "container": "Containers",
    "additional_model_data_source": "AdditionalModelDataSources",
}
CONFIGURATION_NAMES = {"name": "EndpointConfigName", "arn": "EndpointConfigArn", "kms_key_arn": "KmsKeyId"}
ENDPOINT_NAMES = {"name": "EndpointName", "arn": "EndpointArn"}
DESCRIBED_ENDPOINT_NAMES = {**ENDPOINT_NAMES, "deployment_config": "LastDeploymentConfig"}


def _create_model(call: Call) -> str:
    name = chosen_name(call)
    sent = parameters(call.client, "CreateModel", call.block, call.state, MODEL_NAMES)
    call.client.create_model(**sent | {"ModelName": name}, Tags=tags.to_list(call.tags))
    return name


def _read_model(call: Call) -> dict[str, Any]:
    found = call.client.describe_model(ModelName=call.id)
    state = attributes(call.client, "DescribeModel", call.block, found, renames=MODEL_NAMES)
    return state | {"tags": _tags(call, found["ModelArn"])}


def _create_configuration(call: Call) -> str:
    name = chosen_name(call)
    sent = parameters(call.client, "CreateEndpointConfig", call.block, call.state, CONFIGURATION_NAMES)
    for variant in [*sent["ProductionVariants"], *sent.get("ShadowProductionVariants", ())]:
        variant.setdefault("VariantName", f"terraform-{unique_suffix()}")
    call.client.create_endpoint_config(**sent | {"EndpointConfigName": name}, Tags=tags.to_list(call.tags))
    return name


def _read_configuration(call: Call) -> dict[str, Any]:
    found = call.client.describe_endpoint_config(EndpointConfigName=call.id)
    state = attributes(call.client, "DescribeEndpointConfig", call.block, found, renames=CONFIGURATION_NAMES)
    return state | {
        "name_prefix": name_prefix(call.id),
        "tags": _tags(call, found["EndpointConfigArn"]),
    }


def _create_endpoint(call: Call) -> str:
    name = chosen_name(call)
    sent = parameters(call.client, "CreateEndpoint", call.block, call.state, ENDPOINT_NAMES)
    call.client.create_endpoint(**sent | {"EndpointName": name}, Tags=tags.to_list(call.tags))
    return name


def _read_endpoint(call: Call) -> dict[str, Any]:
    found = call.client.describe_endpoint(EndpointName=call.id)
    state = attributes(call.client, "DescribeEndpoint", call.block, found, renames=DESCRIBED_ENDPOINT_NAMES)
    return state | {"tags": _tags(call, found["EndpointArn"])}


def _update_endpoint(call: Call) -> None:
    call.client.update_endpoint(**parameters(call.client, "UpdateEndpoint", call.block, call.state, ENDPOINT_NAMES))


def _wait_until_in_service(call: Call) -> None:
    """Wait as the provider does: a rollback by SageMaker itself ends InService and counts as success."""

    def is_in_service() -> bool:
        found = call.client.describe_endpoint(EndpointName=call.id)
        if found["EndpointStatus"] in ("Failed", "OutOfService", "UpdateRollbackFailed"):
            raise ProviderError(
                Problem(
                    f"endpoint {call.id} is {found['EndpointStatus']}",
                    found.get("FailureReason", "No reason was given."),
                )
            )
        return found["EndpointStatus"] == "InService"

    _poll(is_in_service, f"endpoint {call.id} is not InService")


def _delete_endpoint(call: Call) -> None:
    def is_gone() -> bool:
        try:
            call.client.describe_endpoint(EndpointName=call.id)
        except ClientError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound"):
                return True
            raise
        return False

    call.client.delete_endpoint(EndpointName=call.id)
    _poll(is_gone, f"endpoint {call.id} is still being deleted")


def _poll(is_done: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + ENDPOINT_WAIT_SECONDS
    pause_seconds = 0.1
    while not is_done():
        if time.monotonic() > deadline:
            raise ProviderError(Problem(f"{complaint} after {ENDPOINT_WAIT_SECONDS // 60} minutes"))
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 1.5, LONGEST_POLL_SECONDS)


def _tags(call: Call, arn: str) -> dict[str, str]:
    return tags.from_list(call.client.list_tags(ResourceArn=arn)["Tags"])


def _tag(call: Call, changed: dict[str, str], removed: list[str]) -> None:
    if changed:
        call.client.add_tags(ResourceArn=call["arn"], Tags=tags.to_list(changed))
    if removed:
        call.client.delete_tags(ResourceArn=call["arn"], TagKeys=removed)


RESOURCES = {
    "aws_sagemaker_model": Resource(
        service="sagemaker",
        create=_create_model,
        read=_read_model,
        tag=_tag,
        delete=lambda call: call.client.delete_model(ModelName=call.id),
        missing=MISSING,
    ),
    "aws_sagemaker_endpoint_configuration": Resource(
        service="sagemaker",
        create=_create_configuration,
        read=_read_configuration,
        tag=_tag,
        delete=lambda call: call.client.delete_endpoint_config(EndpointConfigName=call.id),
        missing=MISSING,
    ),
    "aws_sagemaker_endpoint": Resource(
        service="sagemaker",
        create=_create_endpoint,
        read=_read_endpoint,
        update=_update_endpoint,
        ready=_wait_until_in_service,
        tag=_tag,
        delete=_delete_endpoint,
        missing=MISSING,
    ),
}
