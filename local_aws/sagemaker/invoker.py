"""InvokeEndpoint.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from .container import Answer, ContainerTimeoutError
from .data_capture import CapturePlan, DataCapture, Message
from .endpoints import Endpoints
from .errors import ModelError, ModelNotReadyError, ServiceUnavailableError, ValidationError, endpoint_not_found
from .fleet import Host, Variant
from .gate import NotInServiceError
from .invocation import CUSTOM_ATTRIBUTES, INFERENCE_ID, Invocation, check_invocation, check_target
from .metrics import Metrics, VariantMetrics
from .serving import Served
from .traffic import Traffic


@dataclass(frozen=True)
class Prediction:
    """The container's answer to an invocation."""

    body: bytes
    variant: str
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Invoker:
    """Routes invocations to instances. Blocking: one thread an invocation."""

    def __init__(self, endpoints: Endpoints, metrics: Metrics, capture: DataCapture, timeout_seconds: float) -> None:
        self._endpoints = endpoints
        self._metrics = metrics
        self._capture = capture
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
        if variant.plan.capture is not None:
            self._record(variant.plan.capture, variant.plan.name, invocation, answer)
        returned = {
            CUSTOM_ATTRIBUTES: answer.headers.get(CUSTOM_ATTRIBUTES),
            INFERENCE_ID: answer.headers.get(INFERENCE_ID, invocation.inference_id),
        }
        return Prediction(
            body=answer.body,
            variant=variant.plan.name,
            content_type=answer.headers.get("Content-Type"),
            headers={name: value for name, value in returned.items() if value is not None},
        )

    def _record(self, plan: CapturePlan, variant: str, invocation: Invocation, answer: Answer) -> None:
        metadata: dict[str, Any] = {}
        if "CustomAttributes" in invocation.members:
            metadata["customAttributes"] = [invocation.members["CustomAttributes"]]
        if invocation.inference_id is not None:
            metadata["inferenceId"] = invocation.inference_id
        self._capture.record(
            plan,
            (invocation.endpoint, variant),
            Message(invocation.body, invocation.members.get("ContentType")),
            Message(answer.body, answer.headers.get("Content-Type")),
            metadata,
        )

    def refuse(self, operation: str, endpoint: str) -> NoReturn:
        """Answer the other operations of the runtime. Raises ValidationError."""
        variant = self._find_traffic(endpoint).variant(None)
        if operation == "InvokeEndpointAsync":
            why = "has no AsyncInferenceConfig"
        elif variant is not None and variant.plan.model.multi_model is not None:
            why = "is a multi-model endpoint, and this operation takes no target model"
        else:
            why = "gets no response streams from the local AWS"
        raise ValidationError(f"{operation}: endpoint {endpoint} {why}.")

    def _find_variant(self, invocation: Invocation) -> Variant:
        check_invocation(invocation)
        traffic = self._find_traffic(invocation.endpoint)
        variant = traffic.variant(invocation.target_variant)
        if variant is None:
            raise ValidationError(f"Variant {invocation.target_variant} not found in endpoint {invocation.endpoint}.")
        check_target(invocation, variant.plan.model)
        return variant

    def _find_traffic(self, endpoint: str) -> Traffic:
        """The name must be in the case in which it was created, as on AWS."""
        traffic = self._endpoints.traffic(endpoint)
        if traffic is None:
            raise endpoint_not_found(endpoint)
        return traffic

    def _ask(self, invocation: Invocation, variant: Variant, metrics: VariantMetrics, started: float) -> Answer:
        deadline = started + self._timeout_seconds
        refused: set[str] = set()
        while hosts := [host for host in variant.choose(invocation.target_model) if host.id not in refused]:
            host = hosts[0]
            try:
                served = self._ask_host(host, invocation, deadline)
            except NotInServiceError:
                # It left with an update or a scaling-in after it was chosen. A request that a container broke off
                # under does not come here: it may be what broke it.
                refused.add(host.id)
                same = {**invocation.members, "TargetVariant": variant.plan.name}
                variant = self._find_variant(replace(invocation, members=same))
                continue
            _count_served(metrics, served, time.monotonic() - started)
            answer = served.answer
            if not 200 <= answer.status < 300:
                raise self._model_error(invocation, answer.status, answer.text, served.container)
            return answer
        raise ServiceUnavailableError(
            f"No instance of variant {variant.plan.name} of endpoint {invocation.endpoint} is in service."
        )

    def _ask_host(self, host: Host, invocation: Invocation, deadline: float) -> Served:
        try:
            return host.invoke(invocation, deadline)
        except ContainerTimeoutError as error:
            text = (
                f"Your invocation timed out while waiting for a response from container {error.container}. Review the "
                "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
            raise self._model_error(invocation, 0, text, error.container) from error

    def _model_error(self, invocation: Invocation, status: int, text: str, container: str) -> ModelError:
        return ModelError(endpoint=invocation.endpoint, status=status, answer=text, container=container)


def _count_served(metrics: VariantMetrics, served: Served, total_seconds: float) -> None:
    if served.hit is not None:
        metrics.count("ModelCacheHit", float(served.hit))
        metrics.duration("ModelLoadingWaitTime", 0 if served.hit else total_seconds - served.seconds)
    metrics.duration("ModelLatency", served.seconds)
    metrics.duration("OverheadLatency", total_seconds - served.seconds)


def _count_errors(metrics: VariantMetrics, error: Exception | None) -> None:
    """1 or 0 for each invocation. ModelNotReadyException is a 429: the caller may try again, nothing is broken.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    from_container = isinstance(error, ModelError)
    is_client_error = isinstance(error, (ValidationError, ModelNotReadyError)) or (
        isinstance(error, ModelError) and 400 <= error.status < 500
    )
    metrics.count("Invocation4XXErrors", float(is_client_error))
    metrics.count("Invocation5XXErrors", float(error is not None and not is_client_error))
    metrics.count("InvocationModelErrors", float(from_container))
