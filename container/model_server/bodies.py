"""Reads request bodies within limits: of one body, and of all that are held at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from .errors import InvalidRequest, QueueFull, RequestTimeout, RequestTooLarge


def content_length(header: str | None) -> int | None:
    """Raises InvalidRequest."""
    if header is None:
        return None
    if not (header.isascii() and header.isdecimal() and len(header) < 20):
        raise InvalidRequest("content-length must be a whole number")
    return int(header)


class BodyReader:
    """Counts the bytes of all bodies in memory. `max_held_bytes` bounds them together."""

    def __init__(self, max_held_bytes: int, body_seconds: float) -> None:
        self._max_held_bytes = max_held_bytes
        self.body_seconds = body_seconds
        self._held_bytes = 0

    def hold(self, size: int) -> None:
        """Count bytes in. Raises QueueFull when the bodies under way fill their share of memory."""
        if self._held_bytes + size > self._max_held_bytes:
            raise QueueFull("too many bodies are under way; try again later")
        self._held_bytes += size

    def release(self, size: int) -> None:
        """Count out what `hold` counted in."""
        self._held_bytes -= size

    @asynccontextmanager
    async def read(self, receive: Receive, length: int | None, max_bytes: int) -> AsyncIterator[bytes]:
        """The whole body, counted as held until the context ends. `length`: what the head says it has.

        Raises RequestTooLarge (before anything is read where the length says so), QueueFull when the bodies
        under way fill their share of memory, RequestTimeout for a body that does not arrive, ClientDisconnect.
        """
        if length is not None and length > max_bytes:
            raise RequestTooLarge(f"the body has {length} bytes; at most {max_bytes} are allowed")
        chunks: list[bytes] = []
        try:
            await self._collect(receive, max_bytes, chunks)
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            self.release(sum(map(len, chunks)))

    async def _collect(self, receive: Receive, max_bytes: int, chunks: list[bytes]) -> None:
        size = 0
        more = True
        try:
            async with asyncio.timeout(self.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    size += len(chunk)
                    if size > max_bytes:
                        raise RequestTooLarge(f"the body is larger than the {max_bytes} bytes allowed")
                    self.hold(len(chunk))
                    chunks.append(chunk)
        except TimeoutError as error:
            raise self.late() from error

    def late(self) -> RequestTimeout:
        """The error of a body that did not arrive within `body_seconds`."""
        return RequestTimeout(f"the body did not arrive within {self.body_seconds:g} s")
