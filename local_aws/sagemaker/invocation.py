"""A request to an endpoint: read from HTTP by the service model, checked, and what of it the container gets.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import ValidationError
from .records import Model
from .validation import input_shape, validate

MAX_BODY_BYTES = 6_291_456
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"

_TO_CONTAINER = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": CUSTOM_ATTRIBUTES,
    "InferenceId": INFERENCE_ID,
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
}
_REFUSED = {
    "EnableExplanations": "has no ExplainerConfig",
    "InferenceComponentName": "hosts no inference components",
    "SessionId": "has no stateful sessions",
    "PrefixAwareId": "has no variant whose RoutingStrategy is PREFIX_AWARE",
}


@dataclass(frozen=True)
class Invocation:
    """`members` are those of the operation's shape that the request's headers have, as they came."""

    endpoint: str
    body: bytes
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def target_model(self) -> str | None:
        return self.members.get("TargetModel")

    @property
    def target_container(self) -> str | None:
        return self.members.get("TargetContainerHostname")

    @property
    def target_variant(self) -> str | None:
        return self.members.get("TargetVariant")

    @property
    def inference_id(self) -> str | None:
        return self.members.get("InferenceId")

    @property
    def container_headers(self) -> dict[str, str]:
        return {header: self.members[name] for name, header in _TO_CONTAINER.items() if name in self.members}


def read_members(headers: Mapping[str, str], operation: str = "InvokeEndpoint") -> dict[str, str]:
    """The members of the operation's request that are in `headers`, which are looked up in any case."""
    members = {}
    for name, shape in input_shape(operation, "sagemaker-runtime").members.items():
        if shape.serialization.get("location") == "header":
            value = headers.get(shape.serialization["name"])
            # `*/*` is what HTTP clients say by themselves.
            if value is not None and (name, value) != ("Accept", "*/*"):
                members[name] = value
    return members


def check_invocation(invocation: Invocation) -> None:
    """The service model's constraints, and members that only other kinds of endpoint take. Raises ValidationError."""
    members = {**invocation.members, "EndpointName": invocation.endpoint, "Body": b""}
    validate(members, input_shape("InvokeEndpoint", "sagemaker-runtime"))
    if len(invocation.body) > MAX_BODY_BYTES:  # apart: the message must not hold six megabytes
        raise ValidationError(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY_BYTES}"
        )
    refused = [f"{name} must not be given: it {why}" for name, why in _REFUSED.items() if name in invocation.members]
    if refused:
        raise ValidationError(f"Endpoint {invocation.endpoint}: {'; '.join(refused)}.")


def check_target(invocation: Invocation, model: Model) -> None:
    """Whether the request names the target that the model's containers need, and no other. Raises ValidationError."""
    endpoint = f"Endpoint {invocation.endpoint}"
    if model.multi_model is not None and invocation.target_model is None:
        raise ValidationError(f"{endpoint} is a multi-model endpoint and requires the target model header.")
    if model.multi_model is None and invocation.target_model is not None:
        raise ValidationError(f"{endpoint} is not a multi-model endpoint and does not support target model header.")
    hostname = invocation.target_container
    if not model.is_direct:
        if hostname is not None:
            raise ValidationError(
                f"{endpoint}: TargetContainerHostname must not be given: it does not host several containers with "
                "direct invocation."
            )
        return
    names = [container.name for container in model.containers]
    if hostname not in names:
        wrong = "is missing" if hostname is None else f"{hostname} is none of its containers"
        raise ValidationError(f"{endpoint}: TargetContainerHostname {wrong}. It has: {', '.join(names)}.")
