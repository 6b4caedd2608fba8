"""Python environments of other servers, each below the benchmark's work folder and never the application's own."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import BenchmarkError
from .progress import say


def install(directory: Path, what: str, arguments: Sequence[str], content: str) -> Path:
    """Make an environment in `directory`, unless it stands already; the folder of its programs.

    Args:
        directory: of the environment. Whatever else it holds is removed.
        what: the server, for messages.
        arguments: of `pip install`.
        content: changes whenever what is to be installed does.

    Raises BenchmarkError when the packages cannot be installed.
    """
    marker = directory / ".installed"
    programs = directory / "bin"
    wanted = f"{sys.version}\n{content}"
    if marker.is_file() and marker.read_text() == wanted:
        return programs
    say(f"installing {what} into an environment of its own (once, about a minute)")
    shutil.rmtree(directory, ignore_errors=True)
    pip = (str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    for command in ([sys.executable, "-m", "venv", str(directory)], [*pip, *arguments]):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise BenchmarkError(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    marker.write_text(wanted)
    return programs


def install_pinned(directory: Path, what: str, requirements: Path) -> Path:
    """`install` of a file that names every package with its version and hash."""
    # The file is complete. pip must not add a server's dependencies that its part used here does without.
    arguments = ("--no-deps", "--require-hashes", "--requirement", str(requirements))
    return install(directory, what, arguments, requirements.read_text())
