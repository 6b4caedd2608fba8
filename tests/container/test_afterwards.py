"""What is put off is done: once, in order, and early for who looks."""

import asyncio

import pytest

from container.model_server.telemetry.afterwards import Afterwards


def test_calls_are_made_in_their_order_a_little_later() -> None:
    made: list[int] = []

    async def run() -> None:
        afterwards = Afterwards()
        for number in range(3):
            afterwards.call(made.append, number)
        assert made == []
        await asyncio.sleep(0.05)
        assert made == [0, 1, 2]
        afterwards.call(made.append, 3)
        afterwards.run()
        assert made == [0, 1, 2, 3]
        await asyncio.sleep(0.05)
        assert made == [0, 1, 2, 3]

    asyncio.run(run())


def test_one_that_fails_keeps_no_other_from_being_made(caplog: pytest.LogCaptureFixture) -> None:
    made: list[int] = []

    async def run() -> None:
        afterwards = Afterwards()
        afterwards.call([].remove, 1)
        afterwards.call(made.append, 2)
        afterwards.run()

    asyncio.run(run())
    assert made == [2]
    assert "counting or logging a request failed" in caplog.text
