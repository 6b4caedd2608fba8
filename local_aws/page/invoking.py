"""The page's form: one InvokeEndpoint, and its answer as the page shows it; and the models to choose from."""

import base64
import logging
import time
from collections.abc import Callable
from typing import Any

from ..sagemaker.errors import ModelError, SageMakerError
from ..sagemaker.invocation import Invocation
from ..sagemaker.invoker import Invoker
from ..sagemaker.s3_uri import S3Uri
from ..sagemaker.transport import RUNTIME_ERRORS

logger = logging.getLogger(__name__)

_SHOWN_BYTES = 200_000
_LISTED = 1000


def invoke(invoker: Invoker, invocation: Invocation) -> dict[str, Any]:
    """What came of it: status, seconds, and the body as text, or in base64 where it is none."""
    started = time.monotonic()
    try:
        prediction = invoker.invoke(invocation)
    except SageMakerError as error:
        status, code = RUNTIME_ERRORS[type(error)]
        answer: dict[str, Any] = {"status": status, "error": code, "message": error.message}
        if isinstance(error, ModelError):
            answer |= {"original_status": error.status, "text": error.answer[:_SHOWN_BYTES]}
        return {**answer, "milliseconds": _milliseconds(started)}
    return {
        "status": 200,
        "variant": prediction.variant,
        "content_type": prediction.content_type,
        "bytes": len(prediction.body),
        **_shown(prediction.body[:_SHOWN_BYTES]),
        "milliseconds": _milliseconds(started),
    }


def list_models(s3: Any, artifacts: str) -> list[str]:
    """The target models below the prefix `artifacts`, at most 1000; none where it cannot be listed."""
    prefix = S3Uri.parse(artifacts)
    try:
        found = s3.list_objects_v2(Bucket=prefix.bucket, Prefix=prefix.key, MaxKeys=_LISTED).get("Contents", [])
    except Exception as error:  # noqa: BLE001 - a choice is missing; the name can be typed
        logger.warning("%s cannot be listed: %s", artifacts, error)
        return []
    return [item["Key"].removeprefix(prefix.key).lstrip("/") for item in found if not item["Key"].endswith("/")]


ListModels = Callable[[str], list[str]]


def _shown(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _milliseconds(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
