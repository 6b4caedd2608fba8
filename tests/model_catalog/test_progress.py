"""Progress: on a terminal, and in lines elsewhere."""

import io
import time

import pytest
from rich.console import Console

from model_catalog import progress as module
from model_catalog.progress import progress


def test_quick_work_writes_nothing_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(Console(file=io.StringIO()), "terraform plan"):
        pass
    assert capsys.readouterr() == ("", "")


def test_slow_work_writes_plain_lines_on_standard_error(capsys, monkeypatch) -> None:
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(module, "_EVERY_SECONDS", 0.02)
    output, errors = io.StringIO(), ""
    with progress(Console(file=output), "reading") as show:
        show("reading [bold]1[/bold] of 2")
        deadline = time.monotonic() + 30
        while errors.count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
            errors += capsys.readouterr().err
    first, second = errors.splitlines()[:2]
    assert first == "reading [bold]1[/bold] of 2 ..."
    assert second == "reading [bold]1[/bold] of 2 ... (0 s)"
    assert output.getvalue() == ""


def test_a_terminal_shows_the_text_and_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    output = io.StringIO()
    with progress(Console(file=output, force_terminal=True, width=80), "terraform plan dev-[models]") as show:
        show("half of it")
    assert "terraform plan dev-[models]" in output.getvalue() and "0:00:0" in output.getvalue()
    assert capsys.readouterr() == ("", "")
