"""Moments in which no request that could change something is under way: what is saved then is whole."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

ResultT = TypeVar("ResultT")

_REST_SECONDS = 2.0
"""How long one waits for such a moment. A long upload must not keep everything else from being saved."""

_LOOK_SECONDS = 0.005
_ANSWER_SECONDS = 60.0
_READING = ("GET", "HEAD")
_INVOCATIONS = "/endpoints/"


class Moments:
    """An ASGI application that passes requests on and counts those under way."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._under_way = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READING or scope["path"].startswith(_INVOCATIONS):
            await self._application(scope, receive, send)
            return
        self._loop = asyncio.get_running_loop()
        self._under_way += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._under_way -= 1

    def call(self, work: Callable[[], ResultT]) -> ResultT:
        """Call `work` in such a moment, which lasts until it returns: no other request is begun meanwhile.

        Not to be called on the server's own thread.
        """
        if self._loop is None or not self._loop.is_running():
            return work()
        try:
            return asyncio.run_coroutine_threadsafe(self._at_rest(work), self._loop).result(_ANSWER_SECONDS)
        except (CancelledError, TimeoutError):  # the server ended meanwhile
            return work()

    async def _at_rest(self, work: Callable[[], ResultT]) -> ResultT:
        deadline = asyncio.get_running_loop().time() + _REST_SECONDS
        while self._under_way and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        return work()
