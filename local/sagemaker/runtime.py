"""InvokeEndpoint.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..account import ACCOUNT_ID, REGION
from .container import Answer, ContainerTimeoutError
from .endpoints import Endpoints
from .errors import ModelError, ModelNotReadyError, ServiceUnavailableError, ValidationError
from .fleet import Variant
from .host import HostedInstance, NotInServiceError
from .metrics import Metrics, VariantMetrics
from .validation import input_shape, validate

MAX_BODY_BYTES = 6_291_456
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass(frozen=True)
class Invocation:
    """A request to an endpoint."""

    endpoint: str
    body: bytes
    content_type: str | None = None
    accept: str | None = None
    target_model: str | None = None
    target_variant: str | None = None
    custom_attributes: str | None = None


@dataclass(frozen=True)
class Prediction:
    """The container's answer to an invocation."""

    body: bytes
    variant: str
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Runtime:
    """Routes invocations to instances. Blocking: one thread an invocation."""

    def __init__(self, endpoints: Endpoints, metrics: Metrics, timeout_seconds: float) -> None:
        self._endpoints = endpoints
        self._metrics = metrics
        self._timeout_seconds = timeout_seconds

    def invoke(self, invocation: Invocation) -> Prediction:
        """Raises ValidationError, ModelError, ModelNotReadyError, ServiceUnavailableError."""
        started = time.monotonic()
        variant = self._find_variant(invocation)
        metrics = self._metrics.for_variant(invocation.endpoint, variant.plan.name)
        metrics.count("Invocations")
        metrics.count("InvocationsPerInstance", 1 / max(len(variant.hosts), 1))
        try:
            answer = self._ask(invocation, variant, metrics, started)
        except Exception as error:
            _count_errors(metrics, error)
            raise
        _count_errors(metrics, None)
        custom = answer.headers.get(CUSTOM_ATTRIBUTES)
        return Prediction(
            body=answer.body,
            variant=variant.plan.name,
            content_type=answer.headers.get("Content-Type"),
            headers={CUSTOM_ATTRIBUTES: custom} if custom is not None else {},
        )

    def _find_variant(self, invocation: Invocation) -> Variant:
        _check(invocation)
        traffic = self._endpoints.traffic(invocation.endpoint)
        if traffic is None:
            raise ValidationError(f"Endpoint {invocation.endpoint} of account {ACCOUNT_ID} not found.")
        if invocation.target_model is None:
            raise ValidationError(
                f"Endpoint {invocation.endpoint} is a multi-model endpoint and requires the target model header."
            )
        variant = traffic.variant(invocation.target_variant)
        if variant is None:
            raise ValidationError(f"Variant {invocation.target_variant} not found in endpoint {invocation.endpoint}.")
        return variant

    def _ask(self, invocation: Invocation, variant: Variant, metrics: VariantMetrics, started: float) -> Answer:
        headers = _container_headers(invocation)
        deadline = started + self._timeout_seconds
        refused: set[str] = set()
        while hosts := [host for host in variant.choose(invocation.target_model) if host.id not in refused]:
            host = hosts[0]
            try:
                answer, hit, model_seconds = self._ask_host(host, invocation, headers, deadline)
            except NotInServiceError:
                # It left with an update or a scaling-in after it was chosen. A request that a container broke off
                # under does not come here: it may be what broke it.
                refused.add(host.id)
                variant = self._find_variant(replace(invocation, target_variant=variant.plan.name))
                continue
            total_seconds = time.monotonic() - started
            metrics.count("ModelCacheHit", float(hit))
            metrics.duration("ModelLoadingWaitTime", 0 if hit else total_seconds - model_seconds)
            metrics.duration("ModelLatency", model_seconds)
            metrics.duration("OverheadLatency", total_seconds - model_seconds)
            metrics.gauge("LoadedModelCount", host.loaded_model_count)
            if answer.status != 200:
                raise self._model_error(invocation, answer.status, answer.text)
            return answer
        raise ServiceUnavailableError(
            f"No instance of variant {variant.plan.name} of endpoint {invocation.endpoint} is in service."
        )

    def _ask_host(
        self, host: HostedInstance, invocation: Invocation, headers: Mapping[str, str], deadline: float
    ) -> tuple[Answer, bool, float]:
        try:
            return host.invoke(invocation.target_model, invocation.body, headers, deadline)
        except ContainerTimeoutError as error:
            raise self._model_error(
                invocation,
                0,
                "Your invocation timed out while waiting for a response from container primary. Review the latency "
                "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
            ) from error

    def _model_error(self, invocation: Invocation, status: int, text: str) -> ModelError:
        return ModelError(
            endpoint=invocation.endpoint, account_id=ACCOUNT_ID, region=REGION, status=status, answer=text
        )


def _count_errors(metrics: VariantMetrics, error: Exception | None) -> None:
    """1 or 0 for each invocation. ModelNotReadyException is a 429: the caller may try again, nothing is broken.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    from_container = isinstance(error, ModelError)
    is_client_error = isinstance(error, (ValidationError, ModelNotReadyError)) or (
        from_container and 400 <= error.status < 500
    )
    metrics.count("Invocation4XXErrors", float(is_client_error))
    metrics.count("Invocation5XXErrors", float(error is not None and not is_client_error))
    metrics.count("InvocationModelErrors", float(from_container))


def _check(invocation: Invocation) -> None:
    """The service model's constraints. Raises ValidationError."""
    members = {
        "EndpointName": invocation.endpoint,
        "Body": b"",  # checked below: the message must not hold six megabytes
        "ContentType": invocation.content_type,
        "Accept": invocation.accept,
        "TargetModel": invocation.target_model,
        "TargetVariant": invocation.target_variant,
        "CustomAttributes": invocation.custom_attributes,
    }
    validate(members, input_shape("InvokeEndpoint", "sagemaker-runtime"))
    if len(invocation.body) > MAX_BODY_BYTES:
        raise ValidationError(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY_BYTES}"
        )


def _container_headers(invocation: Invocation) -> dict[str, str]:
    given = {
        "Content-Type": invocation.content_type,
        "Accept": invocation.accept,
        CUSTOM_ATTRIBUTES: invocation.custom_attributes,
        "X-Amzn-SageMaker-Target-Model": invocation.target_model,
    }
    return {name: value for name, value in given.items() if value is not None}
