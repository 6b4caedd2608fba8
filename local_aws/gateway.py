"""One port for every service: requests go by the service in their signature.

a foreign Host or Origin, any OPTIONS      -> 403 (local_aws.admission)
/_local/blobs/DIGEST?token=...             -> a layer of a pushed image, by the URL that ECR gave
/_local/credentials/ROLE                   -> credentials of an execution role, with the token of its containers
/_local/..., /moto-api/...                 -> the local AWS itself, moto's own API, with the key as user and password
                                              (no bucket's name starts with `_`, and `moto-api` is taken)
no signature, /v2/...                      -> the registry of the local ECR
no signature, or one with an unknown key   -> 403, as AWS
sagemaker, /endpoints/NAME/invocations     -> local_aws.sagemaker, InvokeEndpoint (and .../async-invocations, ...)
sagemaker, anything else                   -> local_aws.sagemaker, control plane
anything else                              -> moto, Smithy RPC v2 CBOR translated (local_aws.cbor)
"""

import re
from collections.abc import Callable
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from .access_key import KeyRing
from .admission import foreign, refusal, unauthorized, why_foreign
from .blobs import BlobStore
from .bodies import holds_an_object, receive_body
from .cbor.middleware import CborMiddleware
from .content import Content
from .moto_app import LARGE_BODY, MotoApplication
from .page.http import Page
from .registry import Registry
from .role_credentials import RoleCredentials
from .sagemaker.errors import SageMakerError
from .sagemaker.transport import SageMakerTransport
from .signature import form_access_key_id, signed_service

_INVOCATIONS = re.compile(r"/endpoints/[^/]+/(invocations|invocations-response-stream|async-invocations)")
_MOTO_THREADS = 32
_MAX_SIGNED_BYTES = 8 * 2**20


class Gateway:
    """The ASGI application that listens on the port.

    Args:
        status: what `/_local/status` answers.
        lose_instance: what POST `/_local/lose-instance?endpoint=...&variant=...` does.
        reset: brings what moto does not keep to its first state; called before moto's own reset.
    """

    def __init__(
        self,
        *,
        moto: MotoApplication,
        sagemaker: SageMakerTransport,
        registry: Registry,
        blobs: BlobStore,
        keys: KeyRing,
        roles: RoleCredentials,
        page: Page,
        status: Callable[[], dict[str, Any]],
        lose_instance: Callable[[str, str | None], dict[str, str]],
        reset: Callable[[], None],
    ) -> None:
        application: Any = WSGIMiddleware(cast(Any, moto), workers=_MOTO_THREADS)
        self._moto = CborMiddleware(application)
        self._sagemaker = sagemaker
        self._registry = registry
        self._blobs = blobs
        self._keys = keys
        self._roles = roles
        self._page = page
        self._status = status
        self._lose_instance = lose_instance
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        reason = why_foreign(request.headers)
        if reason is None and scope["method"] == "OPTIONS":
            reason = "The local AWS gives web pages of other origins no permission (CORS)."
        if reason is not None:
            await foreign(reason)(scope, receive, send)
            return
        answer = await self._own_answer(request)
        if answer is not None:
            await answer(scope, receive, send)
            return
        try:
            body = await receive_body(receive, may_be_large=holds_an_object(request))
        except ClientDisconnect:
            return  # AWS keeps nothing of a body that did not come whole
        form_key_id, in_memory = None, body if isinstance(body, bytes) else None
        if in_memory is not None and request.headers.get("content-type", "").startswith("multipart/form-data"):
            form_key_id = form_access_key_id(in_memory)
        answer = self._refused(request, in_memory, form_key_id)
        if answer is not None:
            await answer(scope, receive, send)
            return
        if (scope["method"], scope["path"]) == ("POST", "/moto-api/reset"):
            await to_thread.run_sync(self._reset)
        if isinstance(body, Content):
            scope, body = {**scope, LARGE_BODY: body}, b""
        await self._moto(scope, _again(body), _without_cors(send))

    async def _own_answer(self, request: Request) -> Response | None:
        """The answer of a service of ours, None for moto."""
        path = request.url.path
        if path.startswith("/_local/credentials/"):
            return await self._credentials(request, path.removeprefix("/_local/credentials/"))
        if path.startswith("/_local/"):
            return await self._page.answer(request) or await self._local(request, path.removeprefix("/_local/"))
        service = signed_service(request.headers, request.url.query)
        if service is None and (path == "/v2" or path.startswith("/v2/")):
            return await self._registry.answer(request)
        invocation = _INVOCATIONS.fullmatch(path) is not None
        is_unsigned = service is None and (
            invocation or request.headers.get("x-amz-target", "").startswith("SageMaker.")
        )
        if service == "sagemaker" or is_unsigned:
            refused = refusal(self._keys, request, await _signed_body(request))
            if refused is not None:
                return refused
            return await (self._sagemaker.invoke if invocation else self._sagemaker.control_plane)(request)
        return None

    async def _credentials(self, request: Request, role_path: str) -> Response:
        token = request.headers.get("authorization", "")
        answer = await to_thread.run_sync(self._roles.answer, role_path, token)
        if answer is None:
            return JSONResponse({"message": "These are no credentials of yours."}, 403)
        return JSONResponse(answer)

    async def _lose(self, endpoint: str, variant: str | None) -> Response:
        try:
            return JSONResponse(await to_thread.run_sync(self._lose_instance, endpoint, variant))
        except SageMakerError as error:
            return JSONResponse({"message": error.message}, 400)

    def _refused(self, request: Request, body: bytes | None, form_key_id: str | None) -> Response | None:
        if request.url.path.startswith("/moto-api/"):
            return unauthorized(self._keys, request)
        return refusal(self._keys, request, body, form_key_id)

    async def _local(self, request: Request, path: str) -> Response:
        kind, _, digest = path.partition("/")
        if kind == "blobs" and self._keys.accepts_token(request.query_params.get("token", ""), digest):
            blob = self._blobs.find(digest)
            if blob is not None:
                return FileResponse(blob, media_type="application/octet-stream")
        refused = unauthorized(self._keys, request)
        if refused is not None:
            return refused
        if (request.method, path) == ("POST", "lose-instance"):
            return await self._lose(request.query_params.get("endpoint", ""), request.query_params.get("variant"))
        if path == "status":
            return JSONResponse(self._status())
        if path == "links":
            return JSONResponse({"page": self._page.new_link(), "state": self._page.new_state_link()})
        return JSONResponse({"message": f"The local AWS has no /_local/{path}."}, 404)


async def _signed_body(request: Request) -> bytes | None:
    """The body of a call of SageMaker; None where it is longer than any that is accepted."""
    length = request.headers.get("content-length", "0")
    return await request.body() if length.isdecimal() and int(length) <= _MAX_SIGNED_BYTES else None


def _again(body: bytes) -> Receive:
    """The body as one message: a2wsgi would cross from its thread to the event loop for every 64 KiB."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _without_cors(send: Send) -> Send:
    """moto permits every origin everything."""

    async def send_without(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [item for item in message["headers"] if not item[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": headers}
        await send(message)

    return send_without
