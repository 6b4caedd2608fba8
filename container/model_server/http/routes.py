"""The routes of SageMaker's multi-model contract, and `/metrics`. Translates; the service does the work.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import orjson

from ..errors import InvalidRequest, MethodNotAllowed, NoSuchRoute, ServerError
from ..hosting.service import ModelService
from ..telemetry import metrics
from .answers import Answer, failure, json_answer, refusal
from .hall import Accepted
from .heads import Head
from .invocations import Invocations

_log = logging.getLogger(__name__)
_MAX_MANAGEMENT_BYTES = 64 * 1024
_MAX_NAME_CHARACTERS = 1024
_MAX_URL_CHARACTERS = 4096
_MODELS, _INVOKE = "/models/", "/invoke"

_Handler = Callable[[Head, bytearray], Awaitable[Answer]]


class Routes:
    """Finds what answers a request."""

    def __init__(self, service: ModelService, invocations: Invocations) -> None:
        self._service = service
        self._invocations = invocations
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, head: Head) -> Accepted:
        """Raises NoSuchRoute, MethodNotAllowed, and what an invocation is refused with at once."""
        path = head.path
        if head.method == "POST" and path.startswith(_MODELS) and path.endswith(_INVOKE) and len(path) > 14:
            return self._invocations.accept(path[len(_MODELS) : -len(_INVOKE)], head)
        handler = self._handler(head.method, path)

        def answer(body: bytearray, done: Callable[[Answer], None]) -> None:
            task = asyncio.get_running_loop().create_task(self._answer(handler, head, body, done))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return Accepted(_MAX_MANAGEMENT_BYTES, answer)

    def _handler(self, method: str, path: str) -> _Handler:
        if path.startswith(_MODELS):
            handlers: dict[str, _Handler] = {"GET": self._describe, "DELETE": self._unload}
        else:
            routes: dict[str, dict[str, _Handler]] = {
                "/ping": {"GET": self._ping},
                "/metrics": {"GET": self._metrics},
                "/models": {"GET": self._page, "POST": self._load},
            }
            handlers = routes.get(path, {})
        if not handlers:
            raise NoSuchRoute("there is no such route")
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise MethodNotAllowed(f"this route takes {' and '.join(sorted(handlers))}")
        return handler

    @staticmethod
    async def _answer(handler: _Handler, head: Head, body: bytearray, done: Callable[[Answer], None]) -> None:
        try:
            answer = await handler(head, body)
        except ServerError as error:
            answer = refusal(error)
        except Exception:  # noqa: BLE001 - a fault of ours costs its request, and is logged
            _log.exception("%s %s failed", head.method, head.path)
            answer = failure(500, "InternalError", "the server failed on this request; its log says why")
        done(answer)

    async def _ping(self, _: Head, __: bytearray) -> Answer:
        return Answer(200 if self._service.ready else 503, {}, b"")

    async def _metrics(self, _: Head, __: bytearray) -> Answer:
        return Answer(200, {"content-type": metrics.CONTENT_TYPE}, (await self._service.metrics()).encode())

    async def _load(self, _: Head, body: bytearray) -> Answer:
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"the body is not valid JSON: {error}") from error
        if not isinstance(fields, dict):
            raise InvalidRequest('expected {"model_name": ..., "url": ...}')
        name, url = fields.get("model_name"), fields.get("url")
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME_CHARACTERS:
            raise InvalidRequest(f"model_name must be a string of 1 to {_MAX_NAME_CHARACTERS} characters")
        if not isinstance(url, str) or not url.startswith("/") or "\x00" in url:
            raise InvalidRequest("url must be the absolute path of the model's folder")
        if len(url) >= _MAX_URL_CHARACTERS:
            raise InvalidRequest(f"url must have fewer than {_MAX_URL_CHARACTERS} characters")
        await self._service.load(name, url)
        return json_answer(200, {"status": "Workers scaled"})

    async def _page(self, head: Head, _: bytearray) -> Answer:
        query = parse_qs(head.query, keep_blank_values=True)
        limit, token = (query.get(name, [None])[0] for name in ("limit", "next_page_token"))
        if limit is not None and not (limit.isascii() and limit.isdecimal() and len(limit) < 10):
            raise InvalidRequest("limit must be a whole number")
        models, more = self._service.page(token, None if limit is None else int(limit))
        page: dict[str, object] = {"models": [{"modelName": m.name, "modelUrl": m.url} for m in models]}
        if more is not None:
            page["nextPageToken"] = more
        return json_answer(200, page)

    async def _describe(self, head: Head, _: bytearray) -> Answer:
        model = self._service.describe(head.path[len(_MODELS) :])
        return json_answer(200, {"modelName": model.name, "modelUrl": model.url})

    async def _unload(self, head: Head, _: bytearray) -> Answer:
        model = await self._service.unload(head.path[len(_MODELS) :])
        return json_answer(200, {"status": f'Model "{model.name}" unregistered'})
