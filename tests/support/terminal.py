"""A person at a terminal: runs command lines in a folder, and answers what they ask."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Done:
    """A command's exit code, and what it showed."""

    code: int
    shown: str


@dataclass(frozen=True)
class Terminal:
    """Runs command lines with bash in `folder`, with `variables` and no others."""

    folder: Path
    variables: Mapping[str, str]

    def run(self, line: str, answers: Mapping[str, str] | None = None, seconds: float = 300) -> Done:
        """Run a line to its end.

        Args:
            line: as it is typed.
            answers: what to type, by what the command shows when it asks, every time.
            seconds: it is killed after that.

        Raises:
            TimeoutError: it did not end; with what it showed.
        """
        ours, theirs = pty.openpty()
        _pass_keys_on(theirs)
        process = subprocess.Popen(
            # The shell stays, as a person's does: without the second line it would become the command.
            ["bash", "--noprofile", "--norc", "-c", f"{line}\nexit $?"],
            cwd=self.folder,
            env=dict(self.variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = _converse(ours, answers or {}, time.monotonic() + seconds)
            return Done(process.wait(seconds), shown)
        finally:
            os.close(ours)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start(self, line: str, log: Path) -> subprocess.Popen[bytes]:
        """Run a line that stays up, in a process group of its own; the file gets what it shows."""
        with log.open("wb") as output:
            return subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-c", line],
                cwd=self.folder,
                env=dict(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _pass_keys_on(terminal: int) -> None:
    """Otherwise a menu that is not ready yet gets the return key as a line feed, which moves its cursor."""
    attributes = termios.tcgetattr(terminal)
    attributes[0] &= ~termios.ICRNL
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def _converse(terminal: int, answers: Mapping[str, str], deadline: float) -> str:
    """Everything that is shown until the other side closes."""
    shown, answered = "", 0
    while True:
        if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"it is still running:\n{shown}")
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that nobody has the other side open any more
            return shown
        if not piece:
            return shown
        shown += _ESCAPES.sub("", piece.decode(errors="replace")).replace("\r\n", "\n")
        for question, answer in answers.items():
            if question in shown[answered:]:
                os.write(terminal, answer.encode())
                answered = len(shown)
