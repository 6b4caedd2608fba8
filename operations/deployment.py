"""One environment's stacks on disk: synthesised by the cdktf command line, ready for Terraform."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from operations.terraform import Terraform

PROJECT_DIRECTORY = Path(__file__).resolve().parent.parent

STACKS = ("state", "image", "models", "endpoint")
"""The stacks of an environment in the order in which they are deployed: each may need what the earlier ones made."""


class SynthesisError(Exception):
    """`cdktf synth` failed; the message is what the application and the command line printed."""


class Deployment:
    """The stacks of one environment below one output folder.

    Args:
        environment: a key of cdktf.json's `context.environments`, e.g. `local`.
        output_directory: where `cdktf synth` writes; default `cdktf.out` in the project.
        variables: environment variables for cdktf, Terraform and the provisioners, beside this process's own.
    """

    def __init__(
        self,
        environment: str,
        output_directory: Path = PROJECT_DIRECTORY / "cdktf.out",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.environment = environment
        self.output_directory = output_directory
        self._variables = {
            **(variables or {}),
            "ENVIRONMENT": environment,
            "CDKTF_OUTDIR": str(output_directory),
            "CHECKPOINT_DISABLE": "1",
            "CI": "1",
        }

    def synth(self) -> None:
        """Synthesise every stack of the environment.

        Raises:
            SynthesisError: with the complaints, e.g. about wrong settings.
        """
        cdktf = shutil.which(
            "cdktf", path=f"{PROJECT_DIRECTORY / 'node_modules' / '.bin'}:{os.environ.get('PATH', '')}"
        )
        if cdktf is None:
            raise SynthesisError("the cdktf command line is not installed: run `make setup`")
        result = subprocess.run(
            [cdktf, "synth", "--output", str(self.output_directory)],
            cwd=PROJECT_DIRECTORY,
            env={**os.environ, **self._variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise SynthesisError(f"{result.stdout.strip()}\n{result.stderr.strip()}".strip())

    def terraform(self, stack: str) -> Terraform:
        """Terraform in the folder of `stack`, one of `STACKS`."""
        return Terraform(self.output_directory / "stacks" / f"{self.environment}-{stack}", self._variables)
