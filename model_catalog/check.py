"""Whether the server can load an artifact: it is loaded once, on the server's own engines, in a process of its own."""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from container.model_server.trial.report import REFUSED, Refusal, Trial
from model_catalog.defaults import DEFAULT_MEMORY_MIB, DEFAULT_PROGRAM, DEFAULT_SECONDS
from model_catalog.errors import CatalogError
from model_catalog.lock import Observed

_PROJECT = Path(__file__).parents[1]
_HINT = "--no-check adds an artifact that needs what this machine lacks"


@dataclass(frozen=True)
class Check:
    """How an artifact is tried. `seconds` and `memory_bytes` are what its process may take at most."""

    program: str = DEFAULT_PROGRAM
    seconds: float = DEFAULT_SECONDS
    memory_bytes: int = DEFAULT_MEMORY_MIB << 20

    def run(self, folder: Path) -> Observed:
        """Load the artifact in `folder`, run it once, and say what was seen.

        Raises:
            CatalogError: the server would refuse it, with the engine's reason; it needs packages that the image lacks;
                it took too long or too much memory, or brought its process down.
        """
        from model_catalog.requirements import requirements_complaints  # noqa: PLC0415 - only `add` has its packages

        complaints = requirements_complaints(folder)
        if complaints:
            raise CatalogError(complaints)
        with tempfile.TemporaryFile() as log:
            output, status = self._ended(folder, log)
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 4096))
            last = log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        try:
            if status == 0:
                return Observed.model_validate_json(
                    Trial.model_validate_json(output).model_dump_json(exclude={"engine"})
                )
            if status == REFUSED:
                raise CatalogError(f"{Refusal.model_validate_json(output).refused}.")
        except ValidationError:
            pass
        said = f": {last[0][:500]}" if last else ""
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with code {status}"
        raise CatalogError(
            f"the process that loaded it {how}{said}. It may take {self.memory_bytes >> 20} MiB (--check-memory-mib); "
            f"{_HINT}."
        )

    def _ended(self, folder: Path, log: IO[bytes]) -> tuple[bytes, int]:
        path = os.pathsep.join([str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "container.model_server.trial"]
        arguments = [str(folder.resolve()), self.program, str(self.memory_bytes)]
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired as error:
            raise CatalogError(
                f"it was not loaded and run within {self.seconds:g} s (--check-seconds); the endpoint gives it 360 s."
            ) from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        return output, process.returncode
