"""Sends the calls of a schedule when they are due, from a fixed number of threads."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from examples.load_test.recorder import Recorder
from examples.load_test.schedule import Call
from examples.load_test.sender import Answer

_FAILURES_IN_A_ROW = 50
"""After so many the run ends: more of the same says nothing new, and each of them may raise an alarm."""
_DRAIN_SECONDS = 75.0
"""How long the last answers may take: InvokeEndpoint ends after 60 s."""

Send = Callable[[str], Answer]


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `seconds` until the last answer; `stopped` says why it ended early."""

    seconds: float
    dispatched: int
    stopped: str | None = None


class Runner:
    """Runs schedules.

    Args:
        send: sends one model's request; called from `connections` threads.
        recorder: gets every request.
        connections: requests under way at most. Further ones wait, and the wait is part of their latency.
    """

    def __init__(self, send: Send, recorder: Recorder, connections: int) -> None:
        self._send = send
        self._recorder = recorder
        self._connections = connections
        self._waiting: queue.SimpleQueue[tuple[Call, float] | None] = queue.SimpleQueue()
        self._started = 0.0
        self.dispatched = 0
        self.finished = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start; 0 before it."""
        return time.perf_counter() - self._started if self._started else 0.0

    @property
    def under_way(self) -> int:
        """Requests that are due and not answered."""
        return self.dispatched - self.finished

    def run(self, calls: Iterable[Call]) -> Outcome:
        """Send the calls and wait for the answers. Ctrl-C ends the run, and what came until then counts."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._connections)]
        self._started = time.perf_counter()
        for thread in threads:
            thread.start()
        stopped = None
        try:
            stopped = self._dispatch(calls)
        except KeyboardInterrupt:
            stopped = "interrupted"
        if stopped is not None:
            self._discard()
        for _ in threads:
            self._waiting.put(None)
        deadline = time.perf_counter() + _DRAIN_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.perf_counter(), 0))
        return Outcome(self.elapsed, self.dispatched, stopped)

    def _dispatch(self, calls: Iterable[Call]) -> str | None:
        for call in calls:
            wait = call.due - self.elapsed
            if wait > 0:
                time.sleep(wait)
            if self._recorder.failures_in_a_row >= _FAILURES_IN_A_ROW:
                return f"the last {_FAILURES_IN_A_ROW} requests all failed"
            self.dispatched += 1
            self._waiting.put((call, self.elapsed))
        return None

    def _discard(self) -> None:
        """Give up what still waits for a connection."""
        while True:
            try:
                self._waiting.get_nowait()
            except queue.Empty:
                return
            self.dispatched -= 1

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            call, dispatched = item
            sent = self.elapsed
            answer = self._send(call.model)
            self._recorder.record(
                call.model,
                due=call.due,
                dispatched=dispatched,
                sent=sent,
                done=self.elapsed,
                error=answer.error,
                cold=answer.cold,
            )
            self.finished += 1
