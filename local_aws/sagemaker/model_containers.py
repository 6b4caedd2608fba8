"""The containers of CreateModel's request: which ones there are, and what SageMaker demands of each.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
"""

from typing import Any

from .errors import ValidationError
from .records import ModelContainer
from .s3_uri import InvalidS3UriError, S3Uri

MULTI_MODELS_LABEL = "com.amazonaws.sagemaker.capabilities.multi-models"
BIND_TO_PORT_LABEL = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"
_ARCHIVES = (".tar.gz", ".tgz")


def read_containers(request: dict[str, Any]) -> tuple[ModelContainer, ...]:
    """The containers in their order, with the names by which logs and invocations know them. Raises ValidationError."""
    if "PrimaryContainer" in request and "Containers" in request:
        raise ValidationError("PrimaryContainer and Containers must not be given together.")
    given = [request["PrimaryContainer"]] if "PrimaryContainer" in request else request.get("Containers", [])
    if not given:
        raise ValidationError("Give the model's container as PrimaryContainer, or several in Containers.")
    names = _names(given)
    containers = tuple(_read(name, container) for name, container in zip(names, given, strict=True))
    _check_execution(is_direct(request), given, containers)
    return containers


def is_direct(request: dict[str, Any]) -> bool:
    """Whether an invocation names the container that answers it."""
    return request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct"


def required_labels(container: ModelContainer, count: int) -> list[str]:
    """The labels that the image needs where the model has `count` containers."""
    labels = [MULTI_MODELS_LABEL] if container.is_multi_model else []
    return labels + ([BIND_TO_PORT_LABEL] if count > 1 else [])


def _names(given: list[dict[str, Any]]) -> list[str]:
    if len(given) == 1:
        return ["primary"]
    names = [container["ContainerHostname"] for container in given if "ContainerHostname" in container]
    if not names:
        return [f"container-{number}" for number in range(1, len(given) + 1)]
    if len(names) != len(given):
        raise ValidationError("ContainerHostname must be given for every container, or for none of them.")
    if len(set(names)) != len(names):
        raise ValidationError("ContainerHostname must be unique among the containers of a model.")
    return names


def _read(name: str, container: dict[str, Any]) -> ModelContainer:
    is_multi_model = container.get("Mode") == "MultiModel"
    if "Image" not in container:
        raise ValidationError("Image is required: the local AWS has no model packages.")
    if "ModelDataSource" in container:
        if is_multi_model:
            raise ValidationError("ModelDataSource is not supported for a container in MultiModel mode.")
        raise ValidationError("The local AWS takes no ModelDataSource: give an archive as ModelDataUrl.")
    url = container.get("ModelDataUrl")
    return ModelContainer(
        name=name,
        image=container["Image"],
        is_multi_model=is_multi_model,
        model_data=_location(url, is_multi_model) if url is not None or is_multi_model else None,
        environment=container.get("Environment", {}),
        cache_models=container.get("MultiModelConfig", {}).get("ModelCacheSetting") != "Disabled",
    )


def _location(url: str | None, is_multi_model: bool) -> S3Uri:
    if url is None:
        raise ValidationError("ModelDataUrl is required for a container in MultiModel mode.")
    try:
        location = S3Uri.parse(url)
    except InvalidS3UriError as error:
        raise ValidationError(f"Invalid ModelDataUrl: {error}") from error
    if is_multi_model and location.key.endswith(_ARCHIVES):
        raise ValidationError(
            f"Invalid ModelDataUrl: {url} names one archive. A container in MultiModel mode takes the S3 prefix "
            "(s3://bucket/prefix/) below which the archives of all its models are."
        )
    if not is_multi_model and not location.key.endswith(_ARCHIVES):
        raise ValidationError(
            f"Invalid ModelDataUrl: {url} names no archive. A container with one model takes the location of a "
            "gzip-compressed tar (s3://bucket/key.tar.gz); for an S3 prefix with many models set Mode to MultiModel."
        )
    return location


def _check_execution(direct: bool, given: list[dict[str, Any]], containers: tuple[ModelContainer, ...]) -> None:
    multi_model = [container.name for container in containers if container.is_multi_model]
    if direct and len(given) == 1:
        raise ValidationError("InferenceExecutionConfig: Direct takes more than one container in Containers.")
    if direct and any("ContainerHostname" not in container for container in given):
        raise ValidationError("InferenceExecutionConfig: Direct takes a ContainerHostname for every container.")
    if direct and multi_model:
        raise ValidationError(
            f"InferenceExecutionConfig: the local AWS runs no container in MultiModel mode with Direct "
            f"({', '.join(multi_model)})."
        )
    if len(multi_model) > 1:
        raise ValidationError(
            f"Only one container of an inference pipeline may be in MultiModel mode ({', '.join(multi_model)} are)."
        )
