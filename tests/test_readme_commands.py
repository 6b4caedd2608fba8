"""Every command in README.md is run, on the local AWS, in a copy of the project; those that cannot be are listed with
the reason, and at least their arguments are read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.container.conftest import encoded_image
from tests.support.brought_models import classifier_archive
from tests.support.docker_engine import free_port
from tests.support.readme import README, commands
from tests.support.terminal import Done, Terminal
from tests.test_documents import RECIPES

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")
ACCOUNT = "123456789012"
PREPARED = '. operations/environment.sh && eval "$(python -m local_aws env)" && '
LOCK = "11111111-2222-3333-4444-555555555555"
MODELS = "cdktf.out/stacks/dev-models"
ENDPOINT = "cdktf.out/stacks/dev-endpoint"


@dataclass(frozen=True)
class Run:
    """How a command of README.md is run.

    Attributes:
        typed: what is typed where README.md has placeholders or leaves arguments out; default: the command itself.
        before: what prepares it, on the same line.
        answers: what to type, by what it asks.
        code: its exit code.
        shows: what it must show.
    """

    shows: str = ""
    typed: str = ""
    before: str = PREPARED
    answers: dict[str, str] = field(default_factory=dict)
    code: int = 0


APPROVE = {"Applies the changes": "\r"}
LOCAL: dict[str, Run] = {
    "make help": Run("make demo", before=""),
    "bin/mme --help": Run("Usage: mme", before=""),
    ". operations/environment.sh": Run("bin/mme", typed=". operations/environment.sh && command -v mme", before=""),
    "mme --help": Run("Usage: mme", before=". operations/environment.sh && "),
    "mme --install-completion": Run("completion installed", before=". operations/environment.sh && "),
    "export TERRAFORM_BINARY_NAME=tofu": Run(
        "tofu is not on PATH",
        typed="export TERRAFORM_BINARY_NAME=tofu && PATH=/usr/bin:/bin sh operations/check-tools.sh python3.11",
        before="",
        code=1,
    ),
    "make status": Run("InService", before=""),
    "make warm": Run("0 failed", before=""),
    "make plan": Run("no change", before=""),
}
"""While `make local` runs."""
LIFE: dict[str, Run] = {
    "make check-account ENV=dev": Run("is enabled"),
    "make bootstrap ENV=dev": Run("The state of dev-state is s3://"),
    "cdktf deploy dev-access": Run("plan_role_arn", answers=APPROVE),
    "mme models add squeezenet path/to/model": Run("Added squeezenet version 1"),
    "make plan ENV=dev": Run("needs approval", code=2),
    "make deploy ENV=dev": Run("dev-endpoint: applied", answers={"to dev?": "y\n"}),
    "mme invoke --environment dev --model squeezenet --image cat.jpg": Run("second call (warm)"),
    "mme models target-model NAME": Run("squeezenet/1-", typed="mme models target-model squeezenet"),
    "mme endpoints prod": Run("multi-model-prod"),
    "mme models add resnet-18 s3://BUCKET/KEY.tar.gz --sha256 DIGEST": Run(
        "Added resnet-18 version 1",
        typed='mme models add resnet-18 s3://own/key.tar.gz --sha256 "$(sha256sum key.tar.gz | cut -d" " -f1)"',
    ),
    "cdktf deploy dev-models": Run("1 added, 0 changed, 0 destroyed", answers=APPROVE),
    "cdktf deploy 'dev-*'": Run("endpoint_name", answers=APPROVE),
    "cdktf deploy dev-models 2>&1 | mme explain": Run(
        "The state is locked by", before=f"{PREPARED}python killed.py && "
    ),
    "make unlock ENV=... STACK=... LOCK=...": Run("", f"make unlock ENV=dev STACK=models LOCK={LOCK}"),
    "make promote-image FROM=dev TO=prod": Run("Commit cdktf.json and deploy prod"),
    "mme capacity plan": Run("Settings: "),
    "terraform state rm": Run(
        "Successfully removed 1", typed=f"terraform -chdir={ENDPOINT} state rm aws_cloudwatch_log_group.logs"
    ),
    "make adopt ENV=dev STACK=endpoint": Run("1 to import, no changes"),
    "make adopt ENV=... STACK=...": Run("Adopted", typed="make adopt ENV=dev STACK=endpoint CONFIRM=yes"),
    "make state-history ENV=... STACK=...": Run("<- current", typed="make state-history ENV=dev STACK=models"),
    "terraform -chdir=FOLDER state push errored.tfstate": Run(
        before=f"{PREPARED}terraform -chdir={MODELS} state pull > {MODELS}/errored.tfstate && ",
        typed=f"terraform -chdir={MODELS} state push errored.tfstate",
    ),
    "make destroy ENV=dev": Run("all of s3://", answers={"to destroy it": "dev\n"}),
}
"""An environment `dev` from its first day to its last, in this order. Its account is the local AWS's."""
ALONE = {"make demo": Run("no changes in any stack", before="")}
STAYS_UP = "make local"
SHORT = {
    "make bootstrap ENV=...": "make bootstrap ENV=dev",
    "make destroy": "make destroy ENV=dev",
    "mme models add": "mme models add squeezenet path/to/model",
}
"""Mentioned without arguments, and run with them."""
NOT_RUN = {
    "make test": "it would run this test",
    "make demo PYTHON=/path/to/python3.11": "it would install a second environment, for another Python",
}
"""Only what make would do is looked at."""


def test_every_command_of_the_readme_has_its_place() -> None:
    """A new command fails here until it is run by one of the tests below, or listed with the reason why not."""
    run = {*LOCAL, *LIFE, *ALONE, STAYS_UP}
    assert set(SHORT.values()) <= run
    assert {*run, *SHORT, *NOT_RUN} == set(commands(TEXT))


def test_commands_are_found_in_blocks_and_sentences() -> None:
    text = "`make it` is; `make` and `made of` are not.\n\n```sh\nmake a    # b\n\nmme c\n```\n\n```\nmme d\n```\n"
    assert commands(text) == ["make it", "make a", "mme c"]


class Checkout:
    """A clone as a user has it, with the tools that `make setup` installed, and a home folder of its own."""

    def __init__(self, directory: Path) -> None:
        self.folder, self.directory = directory / "project", directory
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            if not name.startswith("tests/") and (ROOT / name).exists():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        for name in (".venv", ".tools", "node_modules"):
            (self.folder / name).symlink_to(ROOT / name)
        for name in ("Pipfile.lock", "package-lock.json"):
            os.utime(self.folder / name, (0, 0))  # installed already: `make` compares times
        # 4566 may be taken by the local AWS of the person who runs the tests.
        self.port = free_port()
        for name in ("local_aws/defaults.py", "demo/main_job.py"):
            self.replace(name, "4566", str(self.port))
        (directory / "home").mkdir()
        self.terminal = Terminal(
            self.folder,
            {
                "HOME": str(directory / "home"),
                "PATH": os.environ["PATH"],
                "SHELL": "/bin/bash",
                "TERM": "xterm",
                "LANG": "C.UTF-8",
                "LOCAL_AWS_PROVIDER": os.environ.get("LOCAL_AWS_PROVIDER", "stand-in"),
                "LOCAL_AWS_RUNTIME": "process",
                "GIT_CEILING_DIRECTORIES": str(directory),
            },
        )
        git = "git -c user.name=anna -c user.email=anna@example.com"
        assert self.terminal.run(f"git init -q -b main && git add -A && {git} commit -qm main").code == 0

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")

    def run(self, command: str, run: Run) -> Done:
        done = self.terminal.run(run.before + (run.typed or command), run.answers)
        assert done.code == run.code, f"{command}: exit code {done.code}\n{done.shown}"
        assert run.shows in done.shown, f"{command} does not show {run.shows!r}\n{done.shown}"
        return done

    def environments(self, **changed: dict[str, Any]) -> None:
        """Set settings of environments; `dev` is the pattern of those that are not there."""
        file = self.folder / "cdktf.json"
        document = json.loads(file.read_text())
        all_of_them = document["context"]["environments"]
        for name, settings in changed.items():
            all_of_them[name] = {**all_of_them.get(name, all_of_them["dev"]), **settings}
        file.write_text(json.dumps(document))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def local(checkout: Checkout) -> Iterator[Checkout]:
    """While README.md's `make local` runs."""
    log = checkout.directory / "local.log"
    process = checkout.terminal.start(STAYS_UP, log)
    try:
        deadline = time.monotonic() + 300
        while "The local AWS is up at" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield checkout
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


@pytest.mark.parametrize("command", NOT_RUN)
def test_the_arguments_of_those_that_are_not_run(command: str, checkout: Checkout) -> None:
    python = shutil.which("python3.11")
    assert python is not None
    shown = checkout.run(command.replace("/path/to/python3.11", python), Run("python -m", f"{command} -n")).shown
    assert "No rule to make target" not in shown


@pytest.mark.slow
def test_the_demo(checkout: Checkout) -> None:
    for command, run in ALONE.items():
        checkout.run(command, run)


@pytest.mark.slow
def test_an_environment_from_its_first_day_to_its_last_and_the_recipes(local: Checkout) -> None:
    for command, run in LOCAL.items():
        local.run(command, run)
    _bring_what_a_user_has(local)
    for command, run in LIFE.items():
        local.run(command, run)
    _let_terraform_check_the_recipes(local)


def _let_terraform_check_the_recipes(local: Checkout) -> None:
    """Each in an environment of its own, all synthesised at once; the catalog has the models that they name."""
    names = [f"recipe{number}" for number, _ in enumerate(RECIPES)]
    recipes = [json.loads(f"{{{recipe}}}") for recipe in RECIPES]
    local.environments(
        **{name: {"local_aws": {}, **recipe} for name, recipe in zip(names, recipes, strict=True)},
    )
    local.run("cdktf synth", Run())
    stacks = sorted(path.name for path in (local.folder / "cdktf.out" / "stacks").glob("recipe*"))
    assert {stack.partition("-")[0] for stack in stacks} == set(names)
    checked = " && ".join(
        f"terraform -chdir=cdktf.out/stacks/{stack} init -backend=false > /dev/null"
        f" && terraform -chdir=cdktf.out/stacks/{stack} validate"
        for stack in stacks
        if not stack.endswith("-state")
    )
    local.run(checked, Run("The configuration is valid"))


def _bring_what_a_user_has(local: Checkout) -> None:
    """Settings of step 1 and 3; a folder with a model, a picture, an archive in S3, and a run that was killed."""
    access = {"github": {"repository": "acme/models"}}
    local.environments(dev={"local_aws": {}, "account_id": ACCOUNT, "access": access})
    archive = classifier_archive(local.directory)
    shutil.unpack_archive(archive, local.folder / "path" / "to" / "model")
    (local.folder / "cat.jpg").write_bytes(encoded_image("JPEG"))
    shutil.copy(archive, local.folder / "key.tar.gz")
    s3 = "import boto3\ns3 = boto3.client('s3')\n"
    (local.folder / "upload.py").write_text(
        f"{s3}s3.create_bucket(Bucket='own')\ns3.upload_file('key.tar.gz', 'own', 'key.tar.gz')\n"
    )
    lock = {"ID": LOCK, "Operation": "OperationTypeApply", "Who": "anna@build-7", "Version": "1.11.4", "Info": ""}
    body = json.dumps({**lock, "Created": "2026-01-01T00:00:00Z", "Path": "dev-models/terraform.tfstate"})
    (local.folder / "killed.py").write_text(
        f"{s3}bucket = 'multi-model-dev-state-{ACCOUNT}-us-east-1'\n"
        f"s3.put_object(Bucket=bucket, Key='dev-models/terraform.tfstate.tflock', Body={body!r})\n"
    )
    local.run("python upload.py", Run())
