"""The program as the provisioner runs it: a process of its own, told everything through the environment."""

import subprocess
from pathlib import Path

from image_builder.repository import Repository
from tests.image_builder.conftest import FakeEngines, environment_for, run_program


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run_program("image_builder", environment)


def test_pushes_a_snapshot_and_then_has_nothing_to_do(
    context: Path, repository: Repository, engines: FakeEngines, ecr_url: str
) -> None:
    environment = environment_for(context, repository, AWS_ENDPOINT_URL=ecr_url)
    first = run(environment)
    assert (first.returncode, first.stderr) == (0, "")
    assert "NO IMAGE WAS BUILT" in first.stdout
    second = run(environment)
    assert (second.returncode, second.stderr) == (0, "")
    assert "nothing to build" in second.stdout


def test_every_complaint_and_no_traceback() -> None:
    names = ("IMAGE_REPOSITORY_URI", "IMAGE_TAG", "BUILD_CONTEXT", "AWS_REGION")
    done = run(dict.fromkeys(names, ""))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{'image_builder: ' if number == 0 else ''}{name}: Field required." for number, name in enumerate(names)
    ]


def test_an_interrupted_build_is_one_line(
    context: Path, repository: Repository, engines: FakeEngines, ecr_url: str
) -> None:
    engines.install("docker")
    engines.plan(interrupts=True)
    done = run(environment_for(context, repository, AWS_ENDPOINT_URL_ECR=ecr_url))
    assert (done.returncode, done.stderr) == (130, "image_builder: interrupted; deploy again.\n")
