"""An account is captured while no request changes it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from local_aws.persistence.moments import Moments

Application = Callable[..., Awaitable[None]]


def scope(method: str, path: str = "/bucket/key") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path}


class Server:
    """An application whose requests stay under way until the test ends them."""

    def __init__(self) -> None:
        self.begun, self.end = asyncio.Event(), asyncio.Event()
        self.ended: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        await self.end.wait()
        self.ended.append(scope["method"])


async def captured(request: dict[str, Any], end_after_seconds: float) -> list[str]:
    """The requests that had ended when the capture was made."""
    server = Server()
    moments = Moments(server)
    first = asyncio.create_task(moments(request, None, None))  # type: ignore[arg-type]
    await server.begun.wait()
    thread = asyncio.create_task(asyncio.to_thread(moments.call, lambda: list(server.ended)))
    await asyncio.sleep(end_after_seconds)
    if end_after_seconds:
        server.end.set()
    seen = await thread
    server.end.set()
    await first
    return seen


def test_waits_for_a_request_that_may_change_something() -> None:
    assert asyncio.run(captured(scope("PUT"), 0.2)) == ["PUT"]


def test_a_long_one_does_not_keep_everything_from_being_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_aws.persistence.moments._REST_SECONDS", 0.05)
    assert asyncio.run(captured(scope("PUT"), 0)) == []


@pytest.mark.parametrize("request_", [scope("GET"), scope("HEAD"), scope("POST", "/endpoints/e/invocations")])
def test_does_not_wait_for_those_that_change_nothing(request_: dict[str, Any]) -> None:
    assert asyncio.run(captured(request_, 0)) == []


def test_nothing_begins_meanwhile() -> None:
    async def run() -> list[str]:
        events: list[str] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            events.append(scope["method"])

        moments = Moments(application)
        await moments(scope("PUT"), None, None)  # type: ignore[arg-type]
        entered = threading.Event()

        def work() -> None:
            entered.set()
            threading.Event().wait(0.1)
            events.append("captured")

        capture = asyncio.create_task(asyncio.to_thread(moments.call, work))
        while not entered.is_set():
            await asyncio.sleep(0)
        await moments(scope("DELETE"), None, None)  # type: ignore[arg-type]
        await capture
        return events

    assert asyncio.run(run()) == ["PUT", "captured", "DELETE"]


def test_after_the_server_has_ended_it_is_called_directly() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        pass

    moments = Moments(application)
    asyncio.run(moments(scope("PUT"), None, None))  # type: ignore[arg-type]
    assert moments.call(lambda: 1) == 1
