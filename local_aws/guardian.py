"""Ends what a local AWS leaves behind when it is killed outright (SIGKILL, out of memory).

Run as its own small process by `Guardian` below. It reads lines from a pipe whose other end only the local AWS holds:
`group PID` / `-group PID` for the process group of an instance, `folder PATH` / `-folder PATH` for a folder, `file
PATH` for a file, `container NAME` / `-container NAME` for a container of docker. End of file means that the local AWS
is gone, however it went: it kills the groups and removes the containers, files and folders still listed.
Nothing but the standard library, so that it starts in some 20 ms.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


class Guardian:
    """The local AWS's end of the pipe. `copy`: a file that gets the same lines, should the guardian be killed, too."""

    def __init__(self, copy: Path | None = None) -> None:
        self._write_lock = threading.Lock()
        self._copy = copy.open("w", encoding="utf-8") if copy is not None else None
        # A session of its own: Ctrl-C in the terminal must not reach it. -I: nobody's PYTHON* variables, no user site.
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__], stdin=subprocess.PIPE, start_new_session=True, cwd="/"
        )
        assert self._process.stdin is not None  # a pipe was asked for
        self._input = self._process.stdin

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch_group(self, pid: int) -> None:
        self._send(f"group {pid}")

    def forget_group(self, pid: int) -> None:
        self._send(f"-group {pid}")

    def watch_folder(self, path: os.PathLike[str]) -> None:
        self._send(f"folder {os.fspath(path)}")

    def forget_folder(self, path: os.PathLike[str]) -> None:
        self._send(f"-folder {os.fspath(path)}")

    def watch_file(self, path: os.PathLike[str]) -> None:
        self._send(f"file {os.fspath(path)}")

    def watch_container(self, name: str) -> None:
        self._send(f"container {name}")

    def forget_container(self, name: str) -> None:
        self._send(f"-container {name}")

    def stop(self) -> None:
        """End the guardian: what is still listed goes with it."""
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._process.wait()
        if self._copy is not None:
            self._copy.close()

    def _send(self, line: str) -> None:
        # A guardian that somebody killed must not take an endpoint down with it.
        with self._write_lock, contextlib.suppress(BrokenPipeError, ValueError):
            if self._copy is not None:
                print(line, file=self._copy, flush=True)
            self._input.write(line.encode() + b"\n")
            self._input.flush()


def main() -> None:
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)
    watched: dict[str, set[str]] = {"group": set(), "folder": set(), "container": set(), "file": set()}
    for line in sys.stdin:
        kind, _, value = line.rstrip("\n").partition(" ")
        if kind.startswith("-"):
            watched[kind[1:]].discard(value)
        else:
            watched[kind].add(value)
    for group in watched["group"]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(group), signal.SIGKILL)
    if watched["container"]:
        subprocess.run(["docker", "rm", "--force", "--volumes", *watched["container"]], check=False)
    for file in watched["file"]:
        with contextlib.suppress(OSError):
            Path(file).unlink()
    for folder in watched["folder"]:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
