"""Invocations as ASGI middleware, in front of all other routes: for bodies that arrive in chunks, or piece by piece."""

import asyncio
import functools

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from .access_log import LOG_FIELDS
from .bodies import BodyReader
from .errors import ServerError
from .invocations import Invocations, Response, invoked_model, refusal


class InvokeMiddleware:
    """Answers invocations, hands all other requests on."""

    def __init__(self, app: ASGIApp, invocations: Invocations, bodies: BodyReader, max_bytes: int) -> None:
        self._others = app
        self._invocations = invocations
        self._bodies = bodies
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        model = invoked_model(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if model is None:
            await self._others(scope, receive, send)
            return
        response = await self._answer(model, scope, receive)
        scope[LOG_FIELDS].update(response.log)
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        fields.append((b"content-length", b"%d" % len(response.body)))
        await send({"type": "http.response.start", "status": response.status, "headers": fields})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer(self, model: str, scope: Scope, receive: Receive) -> Response:
        request = None
        try:
            request, length = self._invocations.admit(model, scope["headers"])
            async with self._bodies.read(receive, length, self._max_bytes) as body:
                answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
                self._invocations.invoke(request, body, functools.partial(_settle, answer))
                return await answer
        except ServerError as error:
            return refusal(error, request)
        except ClientDisconnect:
            return Response(400, {}, b"")  # nobody reads it


def _settle(future: asyncio.Future[Response], response: Response) -> None:
    if not future.done():  # whoever waited for it may have been cancelled
        future.set_result(response)
