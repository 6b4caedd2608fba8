"""Runs Terraform in a folder, against the stand-in provider."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from local_aws.installation import with_mirror
from local_aws.provider.mirror import write_mirror
from local_aws.provider.server import ProviderServer
from local_aws.terraform import PROVIDER_VERSION

BINARY = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")
TIMEOUT_SECONDS = 300


class Terraform:
    """One working directory: its configuration (Terraform's JSON syntax), and what Terraform says and does there."""

    def __init__(self, directory: Path, server: ProviderServer) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        write_mirror(directory / "mirror", PROVIDER_VERSION)
        (directory / "cli.tfrc").write_text(with_mirror({}, directory / "mirror", ()))
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            **server.environment(),
            "TF_CLI_CONFIG_FILE": str(directory / "cli.tfrc"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }

    def configure(self, configuration: dict[str, Any]) -> None:
        document = {"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}}, **configuration}
        (self.directory / "main.tf.json").write_text(json.dumps(document, indent=1))
        if not (self.directory / ".terraform").exists():
            self.run("init", "-input=false")

    def run(self, *arguments: str, expect: int = 0) -> str:
        """The output of a command that must end with exit code `expect`."""
        done = subprocess.run(
            [BINARY, *arguments, "-no-color"],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode != expect:
            raise AssertionError(f"terraform {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        # Terraform wraps its diagnostics to the width of a terminal.
        return " ".join(f"{done.stdout}\n{done.stderr}".split())

    def apply(self) -> str:
        return self.run("apply", "-auto-approve", "-input=false")

    def apply_fails(self) -> str:
        return self.run("apply", "-auto-approve", "-input=false", expect=1)

    def plan(self) -> dict[str, Any]:
        """The saved plan as `terraform show -json` gives it."""
        self.run("plan", "-input=false", "-out=plan.bin")
        return self.show("plan.bin")

    def show(self, *file: str) -> dict[str, Any]:
        """A saved plan, or the state, as `terraform show -json` gives it."""
        done = subprocess.run(
            [BINARY, "show", "-json", *file],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        return json.loads(done.stdout)

    def state(self) -> dict[str, dict[str, Any]]:
        """The attributes in the state, by address."""
        document = json.loads((self.directory / "terraform.tfstate").read_text())
        return {
            f"{'data.' if resource['mode'] == 'data' else ''}{resource['type']}.{resource['name']}": resource[
                "instances"
            ][0]["attributes"]
            for resource in document["resources"]
        }


def actions(plan: dict[str, Any]) -> dict[str, str]:
    """What a plan does, by address: `create`, `update`, `delete`, `delete/create`, `create/delete`."""
    return {
        change["address"]: "/".join(change["change"]["actions"])
        for change in plan.get("resource_changes", ())
        if change["mode"] == "managed" and change["change"]["actions"] != ["no-op"]
    }


def changed(plan: dict[str, Any], address: str) -> set[str]:
    """The attributes whose value a plan changes (known ones; unknown ones as well)."""
    change = next(item["change"] for item in plan["resource_changes"] if item["address"] == address)
    before, after, unknown = change["before"], change["after"], change["after_unknown"]
    return {name for name in before if before[name] != after.get(name) or unknown.get(name) is True}
