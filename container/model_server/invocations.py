"""`POST /models/{name}/invoke`, the one request that is made all the time: its head, its answer, its line in the log.

Without a transport. Those that a connection receives whole are answered by `exchange.py`, since a framework's objects
and tasks would cost as much as the way to the worker and back; all others by `invoke_middleware.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .bodies import content_length
from .errors import ServerError
from .handover import Handover
from .http_answer import content_type_field
from .service import Invocation, ModelService, Request
from .statuses import STATUSES, error_answer
from .wire import Body

_PREFIX, _SUFFIX = "/models/", "/invoke"
_HEADERS = {
    b"content-type": "content_type",
    b"accept": "accept",
    b"x-amzn-sagemaker-target-model": "target_model",
    b"content-length": "content_length",
}

Headers = Iterable[tuple[bytes, bytes]]


class Response(NamedTuple):
    """What is sent back, with the fields that the request's line in the access log has besides.

    `is_sent`: a worker wrote it to the client, head and all, but for what is left in `body`.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    log: Mapping[str, object] = {}
    is_sent: bool = False


def invoked_model(method: str, path: str) -> str | None:
    """The model that a request invokes; None for every other request."""
    if method != "POST" or not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
        return None
    return path[len(_PREFIX) : -len(_SUFFIX)] if len(path) >= len(_PREFIX) + len(_SUFFIX) else None


def refusal(error: ServerError, request: Request | None = None) -> Response:
    """The answer that tells of an error."""
    status = STATUSES[type(error)]
    body, headers = error_answer(status, error.kind, error.message)
    return Response(status, headers, body, {} if request is None else _log_fields(request))


def _log_fields(request: Request) -> dict[str, object]:
    return {"model": request.model, "target_model": request.target_model or None}


class Invocations:
    """Translates between requests and the service."""

    def __init__(self, service: ModelService) -> None:
        self._service = service

    def admit(self, model: str, headers: Headers) -> tuple[Request, int | None]:
        """Read a head: the request, and the length of its body where it tells. Of a repeated header the first counts.

        Raises what the request is refused with before its body is read.
        """
        self._service.admit(model)
        fields = dict.fromkeys(_HEADERS.values(), "")
        for name, value in headers:
            known = _HEADERS.get(name)
            if known is not None and not fields[known]:
                fields[known] = value.decode("latin-1")
        length = content_length(fields.pop("content_length") or None)
        return Request(model, **fields), length

    def invoke(
        self,
        request: Request,
        body: Body,
        answered: Callable[[Response], None],
        handover: Handover | None = None,
    ) -> None:
        """Answer a request: `answered` is called with the response, perhaps at once.

        With a `handover` the worker may have sent it by then.
        """

        def answer(outcome: Invocation | ServerError) -> None:
            if isinstance(outcome, ServerError):
                answered(refusal(outcome, request))
            else:
                answered(_response(request, outcome))

        self._service.invoke(request, body, answer, handover)


def _response(request: Request, invocation: Invocation) -> Response:
    log = _log_fields(request)
    for stage, seconds in invocation.stages.items():
        log[f"{stage}_ms"] = seconds * 1000
    log["cold"] = invocation.cold or None
    return Response(200, content_type_field(invocation.content_type), invocation.body, log, invocation.is_sent)
