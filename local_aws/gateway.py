"""One port for every service: requests go by the service in their signature.

sagemaker, /endpoints/NAME/invocations   -> local_aws.sagemaker, InvokeEndpoint (and .../async-invocations, ...)
sagemaker, anything else                 -> local_aws.sagemaker, control plane
no signature, the same two               -> 403, as AWS
no signature, /v2/...                    -> the registry of the local ECR
/_local/...                              -> the local AWS itself (no bucket's name starts with `_`)
anything else                            -> moto, Smithy RPC v2 CBOR translated (local_aws.cbor)
"""

import json
import re
from collections.abc import Callable
from typing import Any

from a2wsgi import WSGIMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from .blobs import BlobStore
from .cbor.middleware import CborMiddleware
from .credential_scope import signed_service
from .moto_app import MotoApplication
from .page.http import Page
from .registry import Registry
from .sagemaker.transport import SageMakerTransport

_INVOCATIONS = re.compile(r"/endpoints/[^/]+/(invocations|invocations-response-stream|async-invocations)")
_MOTO_THREADS = 32


class Gateway:
    """The ASGI application that listens on the port."""

    def __init__(
        self,
        *,
        moto: MotoApplication,
        sagemaker: SageMakerTransport,
        registry: Registry,
        blobs: BlobStore,
        page: Page,
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._moto = CborMiddleware(WSGIMiddleware(moto, workers=_MOTO_THREADS))
        self._sagemaker = sagemaker
        self._registry = registry
        self._blobs = blobs
        self._page = page
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = await self._own_answer(Request(scope, receive))
        if answer is None:
            await self._moto(scope, await _in_one_message(receive), send)
        else:
            await answer(scope, receive, send)

    async def _own_answer(self, request: Request) -> Response | None:
        """The answer of a service of ours, None for moto."""
        path = request.url.path
        if path.startswith("/_local/"):
            return await self._page.answer(request) or self._local(path.removeprefix("/_local/"))
        service = signed_service(request.headers, request.url.query)
        invocation = _INVOCATIONS.fullmatch(path) is not None
        if service == "sagemaker":
            return await (self._sagemaker.invoke if invocation else self._sagemaker.control_plane)(request)
        if service is None and (invocation or request.headers.get("x-amz-target", "").startswith("SageMaker.")):
            body = {"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"}
            return Response(json.dumps(body), 403, media_type="application/x-amz-json-1.1")
        if service is None and (path == "/v2" or path.startswith("/v2/")):
            return await self._registry.answer(request)
        return None

    def _local(self, path: str) -> Response:
        if path == "status":
            return JSONResponse(self._status())
        if path == "links":
            return JSONResponse({"page": self._page.new_link(), "state": self._page.new_state_link()})
        kind, _, digest = path.partition("/")
        blob = self._blobs.find(digest) if kind == "blobs" else None
        if blob is None:
            return JSONResponse({"message": f"The local AWS has no /_local/{path}."}, 404)
        return FileResponse(blob, media_type="application/octet-stream")


async def _in_one_message(receive: Receive) -> Receive:
    """The request's body as one message: a2wsgi would cross from its thread to the event loop for every 64 KiB."""
    pieces = []
    message: Message = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        pieces.append(message.get("body", b""))
    message["body"] = b"".join(pieces)

    async def whole() -> Message:
        return message

    return whole
