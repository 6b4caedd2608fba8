"""The HTTP surface: SageMaker's multi-model contract, `/metrics`. Translates; the service does the work.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import errors, metrics
from .access_log import AccessLog, LoggedRequests
from .bodies import BodyReader, content_length
from .invocations import Invocations
from .invoke_middleware import InvokeMiddleware
from .json_bodies import parse_json
from .service import ModelService
from .statuses import STATUSES, error_answer

_MAX_MANAGEMENT_BYTES = 64 * 1024
_MAX_NAME_CHARACTERS = 1024


class ModelApi:
    """The endpoints but for invocations, as methods on one service."""

    def __init__(self, service: ModelService, bodies: BodyReader) -> None:
        self._service = service
        self._bodies = bodies

    async def ping(self, _: Request) -> Response:
        return Response(status_code=200 if self._service.ready else 503)

    async def load(self, request: Request) -> Response:
        length = content_length(request.headers.get("content-length"))
        async with self._bodies.read(request.receive, length, _MAX_MANAGEMENT_BYTES) as body:
            fields = parse_json(body)
        if not isinstance(fields, dict):
            raise errors.InvalidRequest('expected {"model_name": ..., "url": ...}')
        name, url = fields.get("model_name"), fields.get("url")
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME_CHARACTERS:
            raise errors.InvalidRequest(f"model_name must be a string of 1 to {_MAX_NAME_CHARACTERS} characters")
        if not isinstance(url, str) or not url.startswith("/") or "\x00" in url:
            raise errors.InvalidRequest("url must be the absolute path of the model's folder")
        await self._service.load(name, url)
        return JSONResponse({"status": "Workers scaled"})

    async def page(self, request: Request) -> Response:
        limit = request.query_params.get("limit")
        if limit is not None and not (limit.isascii() and limit.isdecimal() and len(limit) < 10):
            raise errors.InvalidRequest("limit must be a whole number")
        token = request.query_params.get("next_page_token")
        models, more = self._service.page(token, None if limit is None else int(limit))
        answer: dict[str, object] = {"models": [{"modelName": m.name, "modelUrl": m.url} for m in models]}
        if more is not None:
            answer["nextPageToken"] = more
        return JSONResponse(answer)

    async def describe(self, request: Request) -> Response:
        model = self._service.describe(request.path_params["name"])
        return JSONResponse({"modelName": model.name, "modelUrl": model.url})

    async def unload(self, request: Request) -> Response:
        model = await self._service.unload(request.path_params["name"])
        return JSONResponse({"status": f'Model "{model.name}" unregistered'})

    async def metrics(self, _: Request) -> Response:
        return Response(self._service.metrics(), media_type=metrics.CONTENT_TYPE)


def _error_response(status: int, kind: str, message: str) -> Response:
    body, headers = error_answer(status, kind, message)
    return Response(body, status, headers)


async def _on_server_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, errors.ServerError):
        raise error
    return _error_response(STATUSES[type(error)], error.kind, error.message)


async def _on_http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentence = {404: "there is no such route", 405: "this route does not take this method"}
    return _error_response(error.status_code, "InvalidRequest", sentence.get(error.status_code, error.detail))


async def _on_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _on_bug(_: Request, __: Exception) -> Response:
    return _error_response(500, "InternalError", "the server failed on this request; its log says why")


def build_app(
    service: ModelService, invocations: Invocations, bodies: BodyReader, log: AccessLog, max_request_bytes: int
) -> Starlette:
    """The ASGI application; its lifespan starts and stops the service."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await service.stop()

    api = ModelApi(service, bodies)
    handlers: dict[type[Exception] | int, Callable[[Request, Exception], Awaitable[Response]]] = {
        errors.ServerError: _on_server_error,
        HTTPException: _on_http_error,
        ClientDisconnect: _on_disconnect,
        500: _on_bug,
    }
    return Starlette(
        routes=[
            Route("/ping", api.ping, methods=["GET"]),
            Route("/metrics", api.metrics, methods=["GET"]),
            Route("/models", api.load, methods=["POST"]),
            Route("/models", api.page, methods=["GET"]),
            Route("/models/{name:path}", api.describe, methods=["GET"]),
            Route("/models/{name:path}", api.unload, methods=["DELETE"]),
        ],
        exception_handlers=handlers,  # type: ignore[arg-type]
        lifespan=lifespan,
        middleware=[
            Middleware(LoggedRequests, log=log),
            Middleware(InvokeMiddleware, invocations=invocations, bodies=bodies, max_bytes=max_request_bytes),
        ],
    )
