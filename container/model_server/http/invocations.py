"""`POST /models/{name}/invoke`, the one request that is made all the time: its head, its answer, its line in the log.

With callbacks and no tasks: a task for each request costs as much as all else that the front process does for it.
"""

from collections.abc import Callable

from ..errors import ServerError
from ..hosting.service import Invocation, InvokeRequest, ModelService
from ..telemetry.tracing import REQUEST_ID
from .answers import Answer, refusal
from .hall import Accepted
from .heads import Head

COLD_MARK = "cold-start"
"""CustomAttributes of the first answer of a model after its load."""


class Invocations:
    """Translates between requests and the service."""

    def __init__(self, service: ModelService, max_request_bytes: int) -> None:
        self._service = service
        self._max_request_bytes = max_request_bytes

    def accept(self, model: str, head: Head) -> Accepted:
        """Raises what the request is refused with before its body is read."""
        self._service.admit(model)
        fields = head.fields
        request = InvokeRequest(
            model,
            fields.get("content-type", ""),
            fields.get("accept", ""),
            fields.get("x-amzn-sagemaker-target-model", ""),
            fields.get(REQUEST_ID, ""),
            fields,
        )

        def answer(body: bytearray, done: Callable[[Answer], None]) -> Callable[[], None]:
            return self._service.invoke(request, body, lambda outcome: done(_answer(request, outcome)))

        return Accepted(self._max_request_bytes, answer, _log_fields(request))


def _log_fields(request: InvokeRequest) -> dict[str, object]:
    return {"model": request.model, "target_model": request.target_model or None}


def _answer(request: InvokeRequest, outcome: Invocation | ServerError) -> Answer:
    log = _log_fields(request)
    if isinstance(outcome, ServerError):
        return refusal(outcome, log)
    for stage, seconds in outcome.stages.items():
        log[f"{stage}_ms"] = seconds * 1000
    log["cold"] = outcome.cold or None
    fields = {"content-type": outcome.content_type}
    if outcome.cold:
        # SageMaker passes this one field on to the caller, who cannot know otherwise that the model had to be loaded.
        fields["x-amzn-sagemaker-custom-attributes"] = COLD_MARK
    fields |= outcome.headers or {}
    return Answer(outcome.status, fields, outcome.body, log)
