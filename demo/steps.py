"""Progress of a long command: a line a step, and a table of all steps at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass
class Step:
    """One step: what it does, what came of it, and how long it took."""

    title: str
    outcome: str = ""
    seconds: float = 0.0


class Steps:
    """Runs titled steps and keeps their times.

    On a terminal the running step shows a spinner; elsewhere (a log, a pipe) there are plain lines only.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: list[Step] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time the body as one step. The body may set `outcome`, which the line and the table show."""
        step = Step(title)
        number = len(self._steps) + 1
        self._steps.append(step)
        started = time.monotonic()
        self._console.print(f"\n[bold]{number}. {title}[/bold]")
        with self._console.status(f"{title} ..."):
            yield step
        step.seconds = time.monotonic() - started
        self._console.print(f"   [dim]{step.seconds:.1f} s[/dim]")

    def detail(self, text: str) -> None:
        """Print one line below the running step. `text` is shown as it is, without markup."""
        self._console.print(f"   {text}", markup=False, highlight=False, soft_wrap=True)

    def table(self) -> Table:
        """The closing table: step, outcome, seconds, and the sum."""
        table = Table(title="What happened", title_justify="left")
        table.add_column("step", justify="right")
        table.add_column("what")
        table.add_column("outcome")
        table.add_column("seconds", justify="right")
        for number, step in enumerate(self._steps, start=1):
            table.add_row(str(number), step.title, step.outcome, f"{step.seconds:.1f}")
        table.add_section()
        table.add_row("", "all", "", f"{sum(step.seconds for step in self._steps):.1f}")
        return table
