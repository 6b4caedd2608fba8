"""One environment's stacks on disk: synthesised by the cdktf command line, ready for Terraform."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from operations.terraform import Terraform
from stacks.names import stacks_in_order
from stacks.settings import EnvironmentSettings
from stacks.settings_reader import read_settings

PROJECT_DIRECTORY = Path(__file__).resolve().parent.parent

OUTPUT_FOLDER = "cdktf.out"


class SynthesisError(Exception):
    """The cdktf command line failed; the message is what the application and the command line printed."""


class Deployment:
    """The stacks of one environment below one output folder.

    Args:
        environment: a key of cdktf.json's `context.environments`, e.g. `local`.
        project_directory: the checkout whose `main.py` is synthesised; default: the one this module is in.
        output_directory: where `cdktf synth` writes; default: `cdktf.out` in the project.
        variables: environment variables for cdktf, Terraform and the provisioners, beside this process's own; where
            they are given, this process's AWS_* variables are left out.
    """

    def __init__(
        self,
        environment: str,
        project_directory: Path = PROJECT_DIRECTORY,
        output_directory: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.environment = environment
        self.project_directory = project_directory
        self.output_directory = project_directory / OUTPUT_FOLDER if output_directory is None else output_directory
        # Variables for the local AWS take the place of the machine's own: AWS_PROFILE, say, would win over its keys.
        inherited = {name: value for name, value in os.environ.items() if not (variables and name.startswith("AWS_"))}
        given = {**inherited, **(variables or {})}
        self._variables = {
            **given,
            # `python3 main.py` and the provisioners run on this Python, however this program was started.
            "PATH": f"{Path(sys.executable).parent}:{PROJECT_DIRECTORY / 'node_modules' / '.bin'}:{given['PATH']}",
            "ENVIRONMENT": environment,
            "CDKTF_OUTDIR": str(self.output_directory),
            "CHECKPOINT_DISABLE": "1",
            "CI": "1",
        }

    @property
    def settings(self) -> EnvironmentSettings:
        """The environment's settings, as cdktf.json has them now.

        Raises:
            SettingsError: it breaks a rule.
        """
        return read_settings(self.project_directory / "cdktf.json", self._variables).environments[self.environment]

    @property
    def stacks(self) -> tuple[str, ...]:
        """The stacks in the order in which they are deployed: each may need what the earlier ones made."""
        return stacks_in_order(self.settings)

    def synth(self) -> None:
        """Synthesise every stack of the environment.

        Raises:
            SynthesisError: with the complaints, e.g. about wrong settings.
        """
        self.cdktf("synth")

    def cdktf(self, *arguments: str) -> str:
        """Run a command of the cdktf command line in the project and return what it printed.

        Raises:
            SynthesisError: it failed; with everything it printed.
        """
        cdktf = shutil.which("cdktf", path=self._variables["PATH"])
        if cdktf is None:
            raise SynthesisError("the cdktf command line is not installed: run `make setup`")
        result = subprocess.run(
            [cdktf, *arguments, "--output", str(self.output_directory)],
            cwd=self.project_directory,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise SynthesisError(result.stdout.strip())
        return result.stdout

    def terraform(self, stack: str) -> Terraform:
        """Terraform in the folder of `stack`, one of `stacks`."""
        return Terraform(self.output_directory / "stacks" / f"{self.environment}-{stack}", self._variables)
