"""Terraform as a subprocess, one object a stack folder.

Terraform is run by its own command line so that plan, state and messages are the ones users know.
`TERRAFORM_BINARY_NAME` names another binary, as the cdktf command line has it: `tofu` works as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.explain import COLOUR
from operations.private_files import PRIVATE_MODE, PRIVATE_UMASK
from operations.state_check import refuse_damaged_state
from stacks.provider_lock import LOCK_FILE

PLAN_FILE = "plan"
PREVIEW_STATE_FILE = "preview.tfstate"
IMPORT_FILE = "adopt.tf.json"
ERRORED_STATE_FILE = "errored.tfstate"
PREVIEW_OVERRIDE_FILE = "preview_override.tf.json"
_WRITES_VALUES = frozenset({"plan", "import", "state"})


class TerraformError(Exception):
    """A Terraform command failed.

    Attributes:
        command: the subcommand, e.g. `plan`.
        directory: the stack's folder.
        output: what Terraform wrote to standard error, or to standard output where that is empty.
        standard_output: what it wrote there, e.g. the diagnostics of a command with `-json`.
    """

    def __init__(self, command: str, directory: Path, output: str, standard_output: str = "") -> None:
        self.command = command
        self.directory = directory
        self.output = output
        self.standard_output = standard_output
        super().__init__(f"terraform {command} failed for {directory.name}:\n{output}")


@dataclass(frozen=True)
class Change:
    """One resource of a plan: its address and Terraform's actions, e.g. ("create",) or ("create", "delete")."""

    address: str
    actions: tuple[str, ...]

    @property
    def symbol(self) -> str:
        """Terraform's own marks: + create, ~ update, - destroy, +/- create before destroy, -/+ the reverse."""
        marks = {"create": "+", "update": "~", "delete": "-"}
        return "/".join(marks[action] for action in self.actions)


@dataclass(frozen=True)
class SavedPlan:
    """A saved plan: the file, Terraform's JSON of it, and the resources it changes."""

    file: Path
    document: Mapping[str, Any]

    @property
    def changes(self) -> tuple[Change, ...]:
        """The resources that the plan changes, by address; reads and no-ops left out."""
        return tuple(
            Change(change["address"], tuple(change["change"]["actions"]))
            for change in sorted(self.document.get("resource_changes", ()), key=lambda change: change["address"])
            if tuple(change["change"]["actions"]) not in (("no-op",), ("read",))
        )

    def count(self, action: str) -> int:
        """How many resources have `action` (create, update, delete) among their actions."""
        return sum(action in change.actions for change in self.changes)

    @property
    def applicable(self) -> bool:
        """Whether there is anything to apply: resources, outputs, moves. Releases that do not tell count as yes."""
        return self.document.get("applyable", True)

    @property
    def summary(self) -> str:
        """Terraform's closing line: `2 to add, 1 to change, 0 to destroy`, or `no changes`."""
        if not self.changes:
            return "no changes"
        return f"{self.count('create')} to add, {self.count('update')} to change, {self.count('delete')} to destroy"


class Terraform:
    """Runs Terraform in the folder of one synthesised stack.

    Args:
        directory: the stack's folder, with `cdk.tf.json` in it.
        environment: all variables of the process; default: this process's own.
        lock_file: the providers' versions and checksums that `init` insists on; default: what it finds, it writes down.

    Every method raises `TerraformError` with Terraform's message when the command fails.
    """

    def __init__(
        self, directory: Path, environment: Mapping[str, str] | None = None, lock_file: Path | None = None
    ) -> None:
        self.directory = directory
        self.lock_file = lock_file
        inherited = os.environ if environment is None else environment
        self.environment = {**inherited, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        self._binary = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")

    def run(self, command: str, *arguments: str) -> str:
        """Run one subcommand and return its standard output."""
        try:
            result = subprocess.run(
                [self._binary, f"-chdir={self.directory}", command, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                # Plan files and states hold every value. What an apply's provisioners write keeps the user's own umask.
                umask=PRIVATE_UMASK if command in _WRITES_VALUES else -1,
            )
        except FileNotFoundError:
            raise TerraformError(command, self.directory, f"{self._binary} is not on PATH: install it") from None
        if result.returncode != 0:
            output = COLOUR.sub("", result.stderr.strip() or result.stdout.strip())
            raise TerraformError(command, self.directory, output, result.stdout)
        return result.stdout

    def init(self, *arguments: str) -> None:
        """Configure the backend and the providers; safe to repeat.

        With a lock file, a provider of another version or with another checksum is refused.
        """
        if self.lock_file is not None:
            shutil.copyfile(self.lock_file, self.directory / LOCK_FILE)
            arguments = (*arguments, "-lockfile=readonly")
        self.run("init", "-no-color", "-reconfigure", *arguments)

    def plan(self, *arguments: str) -> SavedPlan:
        """Plan with refresh and keep the plan file beside the stack.

        Raises:
            StateError: the state is damaged.
        """
        refuse_damaged_state(self.directory, self.environment)
        return self._plan(*arguments)

    def _plan(self, *arguments: str) -> SavedPlan:
        self.run("plan", "-no-color", f"-out={PLAN_FILE}", *arguments)
        return self.show(self.directory / PLAN_FILE)

    def show(self, file: Path) -> SavedPlan:
        """Read a saved plan as Terraform's JSON."""
        return SavedPlan(file, json.loads(self.run("show", "-json", file.name)))

    def apply(self, plan: SavedPlan) -> None:
        """Apply exactly the saved plan; Terraform refuses one that the state has moved past."""
        try:
            self.run("apply", "-no-color", plan.file.name)
        finally:
            errored = self.directory / ERRORED_STATE_FILE
            if errored.exists():  # what Terraform could not write to the backend
                errored.chmod(PRIVATE_MODE)

    def destroy(self) -> None:
        """Destroy everything in the state, without asking."""
        self.run("destroy", "-no-color", "-auto-approve")

    def state_list(self) -> list[str]:
        """The addresses in the state, as `terraform state list` prints them."""
        return self.run("state", "list").splitlines()

    def outputs(self) -> dict[str, Any]:
        """The values of the stack's outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def preview(self) -> SavedPlan:
        """Plan as on an empty account, for the time before the state bucket exists."""
        with self.empty_state():
            return self._plan()

    @contextmanager
    def empty_state(self) -> Iterator[Path]:
        """Within the block, Terraform has an empty state in a file of the folder instead of the backend's.

        Terraform merges an override file over `cdk.tf.json`. It and the state are gone afterwards, and `init` is due.
        """
        override = self.directory / PREVIEW_OVERRIDE_FILE
        state = self.directory / PREVIEW_STATE_FILE
        override.write_text(json.dumps({"terraform": {"backend": {"local": {"path": state.name}}}}))
        try:
            self.init()
            yield state
        finally:
            override.unlink()
            for file in (
                state,
                state.with_name(f"{state.name}.backup"),
                self.directory / ".terraform" / "terraform.tfstate",
            ):
                file.unlink(missing_ok=True)
