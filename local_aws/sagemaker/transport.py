"""SageMaker's two wire protocols: AWS JSON 1.1 for the control plane, REST for InvokeEndpoint.

Translates only; `service` and `invoker` do the work.
"""

import json
import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from ..account import REGION
from ..signature import signed_region
from .elsewhere import answer_elsewhere
from .errors import (
    LimitExceededError,
    ModelError,
    ModelNotReadyError,
    SageMakerError,
    SerializationError,
    ServiceUnavailableError,
    UnknownOperationError,
    ValidationError,
    endpoint_not_found,
)
from .invocation import MAX_BODY_BYTES, Invocation, read_members
from .invoker import Prediction
from .service import SageMakerService

logger = logging.getLogger(__name__)

CONTROL_PLANE_ERRORS: dict[type[SageMakerError], tuple[int, str]] = {
    ValidationError: (400, "ValidationException"),
    SerializationError: (400, "SerializationException"),
    UnknownOperationError: (400, "UnknownOperationException"),
    LimitExceededError: (400, "ResourceLimitExceeded"),
}
RUNTIME_ERRORS: dict[type[SageMakerError], tuple[int, str]] = {
    ValidationError: (400, "ValidationError"),
    ModelError: (424, "ModelError"),
    ModelNotReadyError: (429, "ModelNotReadyException"),
    ServiceUnavailableError: (503, "ServiceUnavailable"),
}
_OTHER_INVOCATIONS = {
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "async-invocations": "InvokeEndpointAsync",
}
_CONTROL_THREADS = 32
_INVOCATION_THREADS = 256


class SageMakerTransport:
    """Two endpoints: `control_plane` and `invoke`. `make_service` makes the service of an empty account."""

    def __init__(self, make_service: Callable[[], SageMakerService]) -> None:
        self._make_service = make_service
        self.service = make_service()
        self._control_limiter: anyio.CapacityLimiter | None = None
        self._invocation_limiter: anyio.CapacityLimiter | None = None

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run one operation of the control plane. Raises SageMakerError."""
        return self.service.call(operation, request)

    def lose_instance(self, endpoint: str, variant: str | None) -> dict[str, str]:
        """See `Endpoints.lose_instance`."""
        return self.service.endpoints.lose_instance(endpoint, variant)

    def saved(self) -> dict[str, Any]:
        """See `SageMakerService.saved`."""
        return self.service.saved()

    def restore(self, saved: dict[str, Any]) -> None:
        """See `SageMakerService.restore`."""
        self.service.restore(saved)

    def cancel(self) -> None:
        """Changes under way come to nothing."""
        self.service.cancel()

    def stop(self) -> None:
        """End all instances."""
        self.service.stop()

    def reset(self) -> None:
        """Forget every resource, end every instance."""
        old, self.service = self.service, self._make_service()
        old.cancel()
        old.stop()

    async def control_plane(self, request: Request) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        body = await request.body()
        if self._control_limiter is None:
            self._control_limiter = anyio.CapacityLimiter(_CONTROL_THREADS)
        try:
            members = json.loads(body or b"{}")
            if not isinstance(members, dict):
                raise SerializationError("The request's body is not a JSON object.")
            region = _region(request)
            if region != REGION:
                return _json(200, answer_elsewhere(operation, members, str(region)))
            answer = await anyio.to_thread.run_sync(
                self.service.call, operation, members, limiter=self._control_limiter
            )
        except ValueError as error:
            return _control_error(SerializationError(f"The request's body is not JSON: {error}"))
        except SageMakerError as error:
            return _control_error(error)
        except Exception:  # the last line: an error of ours must look like one of AWS's
            logger.exception("%s failed", operation)
            return _json(500, {"__type": "InternalFailure", "message": "The request processing has failed."})
        return _json(200, answer)

    async def invoke(self, request: Request) -> Response:
        """InvokeEndpoint and its relatives."""
        _, _, endpoint, suffix = request.url.path.split("/")
        invocation = Invocation(unquote(endpoint), await _bounded_body(request), read_members(request.headers))
        if self._invocation_limiter is None:
            self._invocation_limiter = anyio.CapacityLimiter(_INVOCATION_THREADS)
        try:
            if _region(request) != REGION:
                raise endpoint_not_found(invocation.endpoint)
            if suffix != "invocations":
                self.service.invoker.refuse(_OTHER_INVOCATIONS[suffix], invocation.endpoint)
            prediction = await anyio.to_thread.run_sync(
                self.service.invoker.invoke, invocation, limiter=self._invocation_limiter
            )
        except SageMakerError as error:
            return _runtime_error(error)
        except Exception:  # as above
            logger.exception("InvokeEndpoint failed")
            return _json(500, {"Message": "Internal failure"}, {"x-amzn-errortype": "InternalFailure"})
        return _predicted(prediction)


def _region(request: Request) -> str | None:
    return signed_region(request.headers, request.url.query)


async def _bounded_body(request: Request) -> bytes:
    """The body, up to one byte more than allowed: the service says what is wrong with a longer one."""
    chunks, size = [], 0
    async for chunk in request.stream():
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
            size += len(chunk)
    return b"".join(chunks)


def _predicted(prediction: Prediction) -> Response:
    headers = {"x-Amzn-Invoked-Production-Variant": prediction.variant, "x-amzn-RequestId": str(uuid.uuid4())}
    headers.update(prediction.headers)
    if prediction.content_type is not None:
        headers["Content-Type"] = prediction.content_type
    return Response(prediction.body, headers=headers)


def _control_error(error: SageMakerError) -> Response:
    status, code = CONTROL_PLANE_ERRORS[type(error)]
    return _json(status, {"__type": code, "message": error.message})


def _runtime_error(error: SageMakerError) -> Response:
    status, code = RUNTIME_ERRORS[type(error)]
    body: dict[str, Any] = {"Message": error.message}
    if isinstance(error, ModelError):
        server_error = error.status == 0 or error.status >= 500
        body |= {
            "ErrorCode": "INTERNAL_FAILURE_FROM_MODEL" if server_error else "CLIENT_ERROR_FROM_MODEL",
            "OriginalStatusCode": error.status,
            "OriginalMessage": error.answer,
            "LogStreamArn": error.log_stream_arn,
        }
    return _json(status, body, {"x-amzn-errortype": code})


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, default=_encode).encode()
    return Response(
        content,
        status,
        {"x-amzn-RequestId": str(uuid.uuid4()), **(headers or {})},
        media_type="application/x-amz-json-1.1",
    )


def _encode(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is not JSON")
