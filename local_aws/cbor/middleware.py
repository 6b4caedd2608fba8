"""The ASGI application in front of moto: requests of the protocol are translated, all others go through."""

import re
from collections.abc import Iterable
from http import HTTPStatus

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .services import find_service
from .translation import MalformedRequestError, to_cbor_answer, to_cbor_error, to_json_request

_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")
_MARK = "rpc-v2-cbor"
_REPLACED_IN_REQUEST = {b"content-type", b"content-length", b"content-encoding", b"accept", b"transfer-encoding"}
_REPLACED_IN_ANSWER = {b"content-type", b"content-length"}
Headers = list[tuple[bytes, bytes]]


class CborMiddleware:
    """Wraps an application that speaks the AWS JSON protocol."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"])
        request = Request(scope, receive)
        # A bucket may be named `service`: the header says what it is.
        if path is None or request.headers.get("smithy-protocol") != _MARK:
            await self._application(scope, receive, send)
            return
        answer = await self._answer(request, target=path[1], operation_name=path[2])
        await answer(scope, receive, send)

    async def _answer(self, request: Request, *, target: str, operation_name: str) -> Response:
        # In a thread: models are read when they are first needed.
        service = await anyio.to_thread.run_sync(find_service, target)
        operation = service.operation(operation_name) if service else None
        if service is None or operation is None:
            text = f"The local AWS does not have the operation {operation_name} of {target} in this protocol."
            return _respond(HTTPStatus.NOT_FOUND, to_cbor_error("UnknownOperationException", text))
        try:
            translated = to_json_request(
                operation, await request.body(), request.headers.get("content-encoding", "").lower()
            )
        except MalformedRequestError as error:
            return _respond(HTTPStatus.BAD_REQUEST, to_cbor_error("SerializationException", str(error)))
        added = [(name.lower().encode(), value.encode()) for name, value in translated.headers.items()]
        headers = [*_without(request.scope["headers"], _REPLACED_IN_REQUEST | {name for name, _ in added}), *added]
        headers.append((b"content-length", str(len(translated.body)).encode()))
        scope = {**request.scope, "method": "POST", "path": "/", "raw_path": b"/", "headers": headers}
        status, headers, body = await _ask(self._application, scope, translated.body)
        return _respond(
            status, to_cbor_answer(service, operation, status, body), _without(headers, _REPLACED_IN_ANSWER)
        )


async def _ask(application: ASGIApp, scope: Scope, body: bytes) -> tuple[int, Headers, bytes]:
    start: Message = {}
    content = bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            content.extend(message.get("body", b""))

    await application(scope, receive, send)
    return start["status"], list(start["headers"]), bytes(content)


def _respond(status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """Without a content type where there is no content, as the protocol has it."""
    answer = Response(body, status, media_type="application/cbor" if body else None)
    answer.raw_headers += [*headers, (b"smithy-protocol", _MARK.encode())]
    return answer


def _without(headers: Iterable[tuple[bytes, bytes]], names: set[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in names]
