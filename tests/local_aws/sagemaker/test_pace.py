"""Waits that are shorter than they say, and end when the local AWS does."""

import time

import pytest

from local_aws.sagemaker.pace import Pace, StoppedError


def test_a_wait_counts_in_full_however_long_it_took() -> None:
    stopwatch, started = Pace(time_factor=0.0001).stopwatch(), time.monotonic()
    stopwatch.wait(3600)
    assert time.monotonic() - started < 60
    assert 3600 <= stopwatch.elapsed_seconds < 3660


def test_the_end_ends_a_wait() -> None:
    pace = Pace()
    pace.stop()
    with pytest.raises(StoppedError):
        pace.stopwatch().wait(3600)
    assert pace.is_stopped
