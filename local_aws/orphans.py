"""What outlives a local AWS that was killed together with its guardian.

The guardian's list says which folders and containers are to go. A process belongs to them if its HOME is one of those
folders: they have random names, so no other process can be taken for one of them, which a pid would allow.
"""

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil

_WAIT_SECONDS = 5.0


def end_orphans(watched: Path) -> str:
    """End what the list in `watched` names, and remove the list's folders; says what was ended, "" for nothing."""
    listed = _read(watched)
    scratch = {Path(value) for value in listed["folder"] if Path(value).parent == Path(tempfile.gettempdir())}
    processes = [process for process in psutil.process_iter() if _home(process) in scratch]
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=_WAIT_SECONDS)
    for folder in scratch:
        shutil.rmtree(folder, ignore_errors=True)
    if listed["container"] and shutil.which("docker"):
        subprocess.run(["docker", "rm", "--force", "--volumes", *sorted(listed["container"])], check=False)
    ended = [f"process {process.pid}" for process in processes]
    ended += [f"container {name}" for name in sorted(listed["container"])]
    return ", ".join(ended)


def _read(watched: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"group": set(), "folder": set(), "container": set()}
    try:
        lines = watched.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        kind, _, value = line.partition(" ")
        if kind in found:
            found[kind].add(value)
        elif kind.removeprefix("-") in found:
            found[kind.removeprefix("-")].discard(value)
    return found


def _home(process: psutil.Process) -> Path | None:
    try:
        home = process.environ().get("HOME")
    except (psutil.Error, OSError):
        return None
    return Path(home) if home else None
