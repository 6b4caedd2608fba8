"""Where an experiment takes place: a clone of the project, a local AWS of its own, a catalog with one small model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from demo.example_models import trained_models
from local_aws.directory import Directory, Running
from local_aws.process import LocalAws, await_environment
from operations.deployment import OUTPUT_FOLDER, PROJECT_DIRECTORY
from operations.private_files import write_private
from operations.state_file import StateFile, parse_state

ENVIRONMENT = "local"
STACKS = ("state", "image", "models", "endpoint")
_NAMES = ("id", "name", "bucket", "key", "alarm_name")
_LINKED = (".venv", "node_modules", ".tools")


@dataclass
class Ground:
    """A clone of the project whose commands work on a local AWS of its own.

    Attributes:
        directory: the clone.
        checkpoint: the folder of a small MXNet model.
        revision: the setting `revision`: raised, it changes the endpoint.
        variables: of the commands, beside this process's own.
    """

    directory: Path
    checkpoint: Path
    revision: int = 0
    variables: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `python -m ARGUMENTS` in the clone, as the leader of a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m ARGUMENTS` in the clone to its end."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def deploy(self) -> None:
        """Deploy without a fault."""
        done = self.run("operations", "deploy", ENVIRONMENT, "--yes")
        assert done.returncode == 0, done.stdout

    def raise_revision(self) -> None:
        """Change the settings so that the next deployment updates the endpoint."""
        self.set_revision(self.revision + 1)

    def set_revision(self, revision: int) -> None:
        """Change the setting `revision`."""
        self.revision = revision
        self.change_settings(revision=revision)

    def change_settings(self, **settings: Any) -> None:
        """Give the environment these settings."""
        file = self.directory / "cdktf.json"
        document: dict[str, Any] = json.loads(file.read_text())
        document["context"]["environments"][ENVIRONMENT].update(settings)
        file.write_text(json.dumps(document, indent=2))

    def sibling(self, name: str) -> Ground:
        """Another checkout with the same settings and models, whose commands work on the same local AWS and states."""
        clone = self.directory.parent / name
        _clone(self.directory, clone)
        shutil.copy(self.directory / "cdktf.json", clone)
        shutil.copytree(self.directory / ".local" / ENVIRONMENT / "catalog", clone / ".local" / ENVIRONMENT / "catalog")
        for shared in (Path("aws"), Path(ENVIRONMENT) / "state"):
            (clone / ".local" / shared).symlink_to(self.directory / ".local" / shared)
        return Ground(clone, self.checkpoint, self.revision)

    def add_model(self, name: str) -> None:
        """Add the model to the catalog under this name."""
        done = self.run("model_catalog", "add", name, str(self.checkpoint))
        assert done.returncode == 0, done.stdout

    def terraform(self, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform in the folder of a stack that was planned or deployed."""
        return subprocess.run(
            [os.environ.get("TERRAFORM_BINARY_NAME", "terraform"), *arguments],
            cwd=self.directory / ".local" / ENVIRONMENT / OUTPUT_FOLDER / "stacks" / f"{ENVIRONMENT}-{stack}",
            env={**os.environ, **await_environment(self.running())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def names_in_states(self) -> set[str]:
        """The names, keys and ids of all that the states hold."""
        known: set[str] = set()
        for stack in STACKS:
            pulled = self.terraform(stack, "state", "pull").stdout
            for resource in json.loads(pulled)["resources"] if pulled.strip() else ():
                for instance in resource["instances"]:
                    values = instance["attributes"]
                    known |= {str(values[name]) for name in _NAMES if values.get(name)}
        return known

    def states(self) -> dict[str, StateFile]:
        """The states in the bucket, by their stack.

        Raises:
            DamagedStateError: one is no whole state.
        """
        s3 = self.session().client("s3", endpoint_url=self.url())
        found = {}
        for bucket in s3.list_buckets()["Buckets"]:
            for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ()):
                if item["Key"].endswith("/terraform.tfstate"):
                    content = s3.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()
                    found[item["Key"].split("/")[0]] = parse_state(content)
        return found

    def redirect(self, url: str) -> None:
        """Let the clone's commands reach the local AWS at this address."""
        file = self.directory / ".local" / "aws" / "running.json"
        document = json.loads(file.read_text())
        write_private(file, json.dumps({**document, "url": url}))

    def running(self) -> Running:
        """The local AWS."""
        return Directory(self.directory / ".local" / "aws").running()

    def url(self) -> str:
        """The address of the local AWS."""
        return self.running().url

    def session(self) -> boto3.session.Session:
        """A session in the account of the local AWS."""
        return self.running().session()

    def _environment(self) -> dict[str, str]:
        catalog = self.directory / ".local" / ENVIRONMENT / "catalog"
        return {**os.environ, **self.variables, "CATALOG_DIRECTORY": str(catalog), "PYTHONPATH": str(self.directory)}


@contextmanager
def prepared(directory: Path, source: Path = PROJECT_DIRECTORY) -> Iterator[Ground]:
    """A ground with a state bucket and nothing else deployed. The local AWS ends with the block.

    Args:
        directory: an empty folder.
        source: the checkout that is cloned; what it has installed is linked.
    """
    clone = directory / "project"
    _clone(source, clone)
    models = trained_models(source / ".local" / "example-models", report=lambda _: None)
    smallest = min(models, key=lambda model: sum(file.stat().st_size for file in model.directory.iterdir()))
    checkpoint = directory / "checkpoint"
    shutil.copytree(smallest.directory, checkpoint)
    with LocalAws(directory=clone / ".local" / "aws", port=0, provider="stand-in", runtime="process"):
        ground = Ground(clone, checkpoint)
        for folder in ("catalog", "state"):
            (clone / ".local" / ENVIRONMENT / folder).mkdir(parents=True)
        ground.add_model("first")
        done = ground.run("operations", "bootstrap", ENVIRONMENT)
        assert done.returncode == 0, done.stdout
        yield ground


def _clone(source: Path, clone: Path) -> None:
    """Clone a checkout; what it has installed is linked."""
    subprocess.run(["git", "clone", "--quiet", str(source), str(clone)], check=True)
    for name in _LINKED:
        if (source / name).exists():
            (clone / name).symlink_to((source / name).resolve())
