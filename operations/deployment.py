"""One environment's stacks on disk: synthesised by the cdktf command line, ready for Terraform."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local_aws.cli_configuration import configuration_file
from model_catalog.defaults import LOCK_FILE as LOCK_FILE_OF_CATALOG
from operations.terraform import IMPORT_FILE, PREVIEW_OVERRIDE_FILE, Terraform
from stacks.names import stacks_in_order
from stacks.provider_lock import LOCK_FILE
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
        # Terraform runs in the stacks' folders, where a relative path would lead elsewhere.
        configuration = configuration_file(given)
        self._variables = {
            **given,
            **({} if configuration is None else {"TF_CLI_CONFIG_FILE": str(configuration)}),
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
    def lock_options(self) -> tuple[str, ...]:
        """The option of the plan review that gives it the catalog's lock file, where there is one."""
        catalog = read_settings(self.project_directory / "cdktf.json", self._variables).catalog
        file = self.project_directory / catalog.directory / LOCK_FILE_OF_CATALOG
        return ("--lock", str(file)) if file.is_file() else ()

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
        for name in (IMPORT_FILE, PREVIEW_OVERRIDE_FILE):  # a killed run leaves them, and Terraform would read them
            for file in self.output_directory.glob(f"stacks/*/{name}"):
                file.unlink()
        for file in self.output_directory.glob("stacks/*/cdk.tf.json"):
            file.chmod(0o600)  # it may hold a secret that a setting or a variable brought

    def cdktf(self, *arguments: str) -> str:
        """Run a command of the cdktf command line in the project and return what it printed.

        Raises:
            SynthesisError: it failed; with everything it printed.
        """
        cdktf = shutil.which("cdktf", path=self._variables["PATH"])
        if cdktf is None:
            raise SynthesisError("the cdktf command line is not installed: run `make setup`")
        # CDKTF makes the folder, but not those above it.
        self.output_directory.parent.mkdir(parents=True, exist_ok=True)
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
        """Terraform in the folder of `stack`, one of `stacks`.

        On AWS its `init` insists on the providers of the project's `.terraform.lock.hcl`, where there is one.
        """
        return self.terraform_in(self.output_directory / "stacks" / f"{self.environment}-{stack}")

    def terraform_in(self, directory: Path, lock_file: Path | None = None) -> Terraform:
        """Terraform in any folder, with the environment's variables; `lock_file` takes the committed one's place."""
        return Terraform(directory, self._variables, lock_file or self.provider_lock)

    @property
    def provider_lock(self) -> Path | None:
        """The committed lock file; None without one, and on the local AWS, whose provider may be a stand-in."""
        file = self.project_directory / LOCK_FILE
        return file if file.exists() and not self.settings.is_local else None
