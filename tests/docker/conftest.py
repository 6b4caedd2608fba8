"""One engine, one local AWS and one deployment for all tests with a real engine; they are shared because they are slow.

See tests/docker/README.md for where these tests run.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker.clients import ContainerClient
from tests.docker.deployment import AwsWithEngine, Stacks, variables
from tests.support import docker_engine
from tests.support.docker_engine import Engine, NotHereError

pytest.register_assert_rewrite("tests.container.test_contract")

from tests.container import conftest as container_fixtures  # noqa: E402

# The models and pictures of the server's own tests, and its warnings that are known.
jpeg, models, mx, png = (
    container_fixtures.jpeg,
    container_fixtures.models,
    container_fixtures.mx,
    container_fixtures.png,
)
pytest_configure = container_fixtures.pytest_configure

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests together, so that the engine ends with the last of them."""
    items.sort(key=lambda item: _FOLDER not in item.path.parents)
    reason = docker_engine.why_not()
    for item in items:
        if reason is not None and _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    """An engine of the tests' own, with a base for the images."""
    with contextlib.ExitStack() as stack:
        try:
            docker_engine.install()
            engine = stack.enter_context(docker_engine.running_engine())
            engine.import_base()
        except NotHereError as error:
            pytest.skip(f"no container engine can be had here: {error}")
        yield engine


@pytest.fixture(scope="package")
def base_image(engine: Engine) -> str:
    """A base with Debian's Python, in place of the public one, which cannot be pulled everywhere."""
    return docker_engine.BASE_IMAGE


@pytest.fixture(scope="package")
def build_environment(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the builder needs to know of this machine."""
    return docker_engine.build_environment(tmp_path_factory.mktemp("build"), base_image)


@pytest.fixture(scope="package")
def tools(engine: Engine) -> dict[str, str]:
    """Environment for programs that shall find the project's Python and the engine."""
    python = Path(sys.executable).parent
    return {**engine.environment, "PATH": f"{python}:{engine.environment['PATH']}"}


@dataclass(frozen=True)
class Built:
    """What the builder did: its exit code, what it wrote, and the seconds it took."""

    exit_code: int
    output: str
    seconds: float


def run_builder(environment: Mapping[str, str]) -> Built:
    """Run the builder as Terraform's provisioner does."""
    started = time.monotonic()
    answer = subprocess.run(
        ["python3", "-m", "image_builder"],
        cwd=docker_engine.PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Built(answer.returncode, answer.stdout, time.monotonic() - started)


def copy_project(folder: Path) -> Path:
    """The project's files in a folder of their own, so that a test may change them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=docker_engine.PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        source = docker_engine.PROJECT / name
        if name and source.is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


@pytest.fixture(scope="package")
def stacks(
    tmp_path_factory: pytest.TempPathFactory,
    engine: Engine,
    tools: dict[str, str],
    build_environment: dict[str, str],
    models: dict[str, Path],
) -> Iterator[Stacks]:
    """The synthesised stacks of a copy of the project, with a model, on a local AWS that runs containers."""
    folder = tmp_path_factory.mktemp("stacks")
    aws = AwsWithEngine(
        {**tools, **build_environment},
        directory=folder / "aws",
        port=0,
        provider="stand-in",
        runtime="docker",
        log_file=folder / "aws.log",
    )
    with aws:
        with variables(tools):  # the PATH that Terraform and the provisioners get is this process's
            stacks = Stacks(copy_project(folder / "project"), folder / "deployment", aws)
        stacks.add_model("dense", models["dense"])
        stacks.synth()
        yield stacks
    assert not engine.docker("ps", "--all", "--quiet", "--filter=name=sagemaker-i-"), "a container was left behind"


@pytest.fixture(scope="package")
def image(stacks: Stacks) -> str:
    """The image that `terraform apply` of the image stack built and pushed; its name in the engine."""
    stacks.deploy("state")
    stacks.deploy("image")
    return stacks.image


@pytest.fixture(scope="package")
def client(
    engine: Engine, image: str, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerClient]:
    """A container as SageMaker runs it: as root, with the models' folder read-only."""
    client = ContainerClient(engine, image, tmp_path_factory.getbasetemp(), {"MODEL_SERVER_WORKERS": "2"})
    try:
        client.wait_until_ready()
        yield client
    finally:
        client.close()
