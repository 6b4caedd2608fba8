"""`POST /models/{name}/invoke`, as plain ASGI in front of all other routes.

The one request that is made all the time: a framework's routing, request and response objects would cost it as much as
the way to the worker and back.
"""

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from .access_log import LOG_FIELDS
from .bodies import BodyReader, content_length
from .errors import ServerError
from .service import ModelService
from .settings import Settings
from .statuses import STATUSES, error_answer

_PREFIX, _SUFFIX = "/models/", "/invoke"
_HEADERS = {
    b"content-type": "content_type",
    b"accept": "accept",
    b"x-amzn-sagemaker-target-model": "target_model",
    b"content-length": "content_length",
}


class Invocations:
    """ASGI middleware: answers invocations, hands all other requests on."""

    def __init__(self, app: ASGIApp, service: ModelService, settings: Settings, bodies: BodyReader) -> None:
        self._others = app
        self._service = service
        self._max_bytes = settings.max_request_bytes
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _invoked_model(scope)
        if name is None:
            await self._others(scope, receive, send)
            return
        status = 200
        try:
            body, headers = await self._invoke(name, scope, receive)
        except ServerError as error:
            status = STATUSES[type(error)]
            body, headers = error_answer(status, error.kind, error.message)
        except ClientDisconnect:
            status, body, headers = 400, b"", {}  # nobody reads it
        fields = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
        fields.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def _invoke(self, name: str, scope: Scope, receive: Receive) -> tuple[bytes, dict[str, str]]:
        self._service.admit(name)  # what will be refused anyway is refused before its body is read
        headers = {
            _HEADERS[key]: value.decode("latin-1") for key, value in reversed(scope["headers"]) if key in _HEADERS
        }
        target_model = headers.get("target_model", "")
        log: dict[str, object] = scope[LOG_FIELDS]
        log["model"] = name
        log["target_model"] = target_model or None
        length = content_length(headers.get("content_length"))
        async with self._bodies.read(receive, length, self._max_bytes) as body:
            answer = await self._service.invoke(
                name, body, headers.get("content_type", ""), headers.get("accept", ""), target_model
            )
        for stage, seconds in answer.stages.items():
            log[f"{stage}_ms"] = seconds * 1000
        log["cold"] = answer.cold or None
        content_type = answer.content_type
        return answer.body, {
            "content-type": f"{content_type}; charset=utf-8" if content_type.startswith("text/") else content_type
        }


def _invoked_model(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path: str = scope["path"]
    if not (path.startswith(_PREFIX) and path.endswith(_SUFFIX) and len(path) >= len(_PREFIX) + len(_SUFFIX)):
        return None
    return path[len(_PREFIX) : -len(_SUFFIX)]
