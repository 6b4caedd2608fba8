"""Progress of work that may take long: a line that changes on a terminal, plain lines on standard error elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

FIRST_SECONDS = 3.0
"""Quicker work needs no line where there is no terminal."""
_EVERY_SECONDS = 30.0

Update = Callable[[str], None]


@contextmanager
def progress(console: Console, text: str) -> Iterator[Update]:
    """Show that `text` is under way until the block ends.

    On a terminal it is shown at once, with the time it has taken, and removed at the end. Elsewhere a line is written
    to standard error after 3 seconds, and one every 30 seconds from then on.

    Yields:
        A function that replaces the text.
    """
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as shown:
            task = shown.add_task(text, total=None)
            yield lambda changed: shown.update(task, description=changed)
        return
    lines = _Lines(text)
    thread = threading.Thread(target=lines.run, name="progress", daemon=True)
    thread.start()
    try:
        yield lines.update
    finally:
        lines.ended.set()
        thread.join()


class _Lines:
    def __init__(self, text: str) -> None:
        self.ended = threading.Event()
        self._text = text
        self._start = time.monotonic()

    def update(self, text: str) -> None:
        self._text = text

    def run(self) -> None:
        pause = FIRST_SECONDS
        while not self.ended.wait(pause):
            seconds = time.monotonic() - self._start
            waited = "" if pause == FIRST_SECONDS else f" ({seconds:.0f} s)"
            print(f"{self._text} ...{waited}", file=sys.stderr, flush=True)
            pause = _EVERY_SECONDS
