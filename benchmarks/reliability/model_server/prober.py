"""Clients that ask models all the time while something is done to the server."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.reliability.model_server.artifacts import JSON, ROW
from benchmarks.server.server_process import ServerProcess

UNREACHABLE = 0
"""The status of a request that got no answer: the connection was refused or broke off."""


class Asked(NamedTuple):
    """One request: when it was sent and when it ended (`time.monotonic`), and what came of it."""

    started: float
    ended: float
    status: int


class Prober:
    """Asks models in turn, each of its clients over a kept connection, from `with` to the end of the block.

    Args:
        server: the server. It may be replaced by one on the same port meanwhile.
        models: whom to ask; all take `ROW`.
        clients: how many clients there are.
        pause_seconds: how long a client waits between two requests.
    """

    def __init__(
        self, server: ServerProcess, models: Sequence[str], clients: int = 1, pause_seconds: float = 0.0
    ) -> None:
        self.asked: list[Asked] = []
        self._server = server
        self._models = models
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        client = self._server.client()
        start = number % len(self._models)
        names = itertools.cycle([*self._models[start:], *self._models[:start]])
        while not self._stop.is_set():
            name, started = next(names), time.monotonic()
            try:
                status, _ = client.request("POST", f"/models/{name}/invoke", ROW, JSON)
            except OSError:
                status = UNREACHABLE
            self.asked.append(Asked(started, time.monotonic(), status))
            if status == UNREACHABLE or self._pause_seconds:
                time.sleep(self._pause_seconds or 0.01)
        client.close()

    @property
    def statuses(self) -> dict[str, int]:
        """How many requests ended with which status."""
        counted = Counter(asked.status for asked in self.asked)
        return {str(status): counted[status] for status in sorted(counted)}

    @property
    def longest_seconds(self) -> float:
        """The longest that a client waited."""
        return max((asked.ended - asked.started for asked in self.asked), default=0.0)

    def complaints(self, what: str) -> list[str]:
        """That a request failed, or that none was answered."""
        failed = [asked for asked in self.asked if asked.status != 200]
        if failed:
            return [f"{what}: {len(failed)} of {len(self.asked)} requests to other models failed, {self.statuses}"]
        return [] if self.asked else [f"{what}: no request to another model was answered"]
