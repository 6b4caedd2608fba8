"""Threads that do the same work again and again."""

import logging
import threading
import time

import pytest

from local_aws.periodic import PeriodicThread


def test_goes_on_after_a_failure_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    calls, enough = [], threading.Event()

    def work() -> None:
        calls.append(time.time())
        if len(calls) == 1:
            raise ValueError("once")
        enough.set()

    thread = PeriodicThread("the work", work, 0.01)
    with caplog.at_level(logging.ERROR):
        thread.start()
        assert enough.wait(10)
        thread.stop()
    assert [record.message for record in caplog.records] == ["the work failed"]
    after = len(calls)
    time.sleep(0.05)
    assert len(calls) == after


def test_on_the_clock() -> None:
    moments, enough = [], threading.Event()

    def work() -> None:
        moments.append(time.time())
        if len(moments) == 3:
            enough.set()

    thread = PeriodicThread("the clock", work, 0.1, on_the_clock=True)
    thread.start()
    assert enough.wait(10)
    thread.stop()
    # Never before the step: a busy machine may make it late.
    assert len({int(moment / 0.1 + 1e-6) for moment in moments}) == len(moments)


def test_waits_for_the_work_under_way_and_takes_a_stop_without_a_start() -> None:
    began, done = threading.Event(), []

    def work() -> None:
        began.set()
        time.sleep(0.1)
        done.append(True)

    thread = PeriodicThread("slow", work, 0.01)
    thread.start()
    assert began.wait(10)
    thread.stop()
    assert done
    PeriodicThread("never", work, 1).stop()
