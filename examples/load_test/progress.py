"""A line on how the run goes: one that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from examples.load_test.recorder import Recorder, milliseconds
from examples.load_test.runner import Runner

_ON_TERMINAL_SECONDS = 0.5
_ELSEWHERE_SECONDS = 5.0


@contextmanager
def shown(console: Console, runner: Runner, recorder: Recorder, seconds: float) -> Iterator[None]:
    """Show the progress of a run of about `seconds` while the block runs."""
    stop = threading.Event()
    period = _ON_TERMINAL_SECONDS if console.is_terminal else _ELSEWHERE_SECONDS

    def follow() -> None:
        if not console.is_terminal:
            while not stop.wait(period):
                console.print(line(runner, recorder, seconds), highlight=False, soft_wrap=True)
            return
        with console.status("starting ...") as status:
            while not stop.wait(period):
                status.update(line(runner, recorder, seconds))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def line(runner: Runner, recorder: Recorder, seconds: float) -> str:
    """`12 / 35 s  240 sent, 3 under way, 0 errors  p50 8.1 ms, p99 40.2 ms, 2 cold`."""
    series = recorder.measured if recorder.measured.sent else recorder.warm_up
    phase = "" if recorder.measured.sent else "warm-up: "
    text = (
        f"{phase}{runner.elapsed:.0f} / {seconds:.0f} s  {runner.dispatched} sent, {runner.under_way} under way, "
        f"{series.failed} errors"
    )
    p50, p99 = milliseconds(series.warm, 50), milliseconds(series.warm, 99)
    if p50 is not None and p99 is not None:
        text += f"  warm p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    return f"{text}, {series.cold.get_total_count()} cold"
