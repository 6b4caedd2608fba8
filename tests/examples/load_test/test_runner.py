"""The run: requests leave when they are due, and what waits is measured from then on."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from examples.load_test.recorder import Recorder, milliseconds
from examples.load_test.runner import Runner
from examples.load_test.schedule import Call, uniform
from examples.load_test.sender import Answer


def run(send, calls, *, connections: int = 8, warm_up: float = 0.0):
    recorder = Recorder(warm_up)
    outcome = Runner(send, recorder, connections).run(calls)
    return recorder, outcome


def test_a_stalled_endpoint_is_seen_by_every_call_that_was_due_meanwhile() -> None:
    """Coordinated omission: a loop that waits for answers would record one slow call of 100, and 99 fast ones."""
    numbers = itertools.count()

    def send(_: str) -> Answer:
        if next(numbers) == 10:
            time.sleep(1.0)
        return Answer()

    recorder, outcome = run(send, uniform(100, 1.0, lambda: "m"), connections=1)
    assert outcome.dispatched == recorder.measured.answered == 100
    # The 11th call stalls for a second from 0.1 s on: the calls due until the end wait, the last ones least.
    slow = [latency for latency in recorder.latency if latency > 0.2]
    assert len(slow) >= 70
    assert 900 <= (milliseconds(recorder.measured.all(), 100) or 0) < 3000
    assert (milliseconds(recorder.sending_late, 50) or 0) > 200
    assert (milliseconds(recorder.dispatch_late, 50) or 0) < 200


def test_calls_do_not_wait_for_each_other() -> None:
    together = threading.Barrier(5, timeout=10)

    def send(_: str) -> Answer:
        together.wait()
        return Answer()

    recorder, _ = run(send, [Call(0.0, "m")] * 5)
    assert recorder.measured.answered == 5


def test_warm_up_cold_and_errors_are_counted_apart() -> None:
    answers = {"a": Answer(), "b": Answer(cold=True), "c": Answer("ModelError 500")}
    calls = [Call(0.0, "a"), Call(0.01, "a"), Call(0.05, "a"), Call(0.06, "b"), Call(0.07, "c"), Call(0.08, "c")]
    recorder, _ = run(answers.__getitem__, calls, warm_up=0.05)
    measured = recorder.measured
    assert (recorder.warm_up.sent, measured.sent) == (2, 4)
    assert (measured.warm.get_total_count(), measured.cold.get_total_count(), measured.failed) == (1, 1, 2)
    assert measured.errors == {"ModelError 500": 2}
    assert measured.models == {"a": [1, 0, 0], "b": [1, 1, 0], "c": [2, 0, 2]}


def test_a_run_of_failures_ends_early() -> None:
    recorder, outcome = run(lambda _: Answer("ModelError 500"), uniform(2000, 60, lambda: "m"))
    assert outcome.stopped == "the last 50 requests all failed"
    assert 50 <= recorder.measured.sent < 5000
    assert outcome.seconds < 30


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_run_reports_what_came_until_then() -> None:
    main = threading.main_thread().ident
    assert main is not None

    once = threading.Lock()

    def send(_: str) -> Answer:
        # Several threads send, so that none may see exactly 20.
        if recorder.measured.sent >= 20 and once.acquire(blocking=False):
            signal.pthread_kill(main, signal.SIGINT)
        return Answer()

    recorder = Recorder(0)
    outcome = Runner(send, recorder, 1).run(uniform(200, 60, lambda: "m"))
    assert outcome.stopped == "interrupted"
    assert 20 <= recorder.measured.answered <= outcome.dispatched < 2000


@pytest.mark.parametrize(("seconds", "recorded"), [(0.0123456, 12.35), (1000.0, 120_000.0), (0.0, 0.001)])
def test_latencies_are_exact_to_three_digits_within_their_range(seconds: float, recorded: float) -> None:
    recorder = Recorder(0)
    recorder.record("m", due=1, dispatched=1, sent=1, done=1 + seconds, error=None, cold=False)
    assert milliseconds(recorder.measured.warm, 50) == pytest.approx(recorded, rel=1e-3)
