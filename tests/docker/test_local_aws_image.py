"""The local AWS as an image, run as its compose file says."""

import contextlib
import shlex
import time
from collections.abc import Iterator, Mapping

import boto3
import pytest
import yaml

from tests.support import docker_engine
from tests.support.docker_engine import Engine

COMPOSE = docker_engine.PROJECT / "local_aws" / "compose.yaml"
SERVICE = yaml.safe_load(COMPOSE.read_text())["services"]["local-aws"]
NAME = "local-aws-test"
COMMAND = ("python3", "-m", "local_aws")
DIRECTORY = ("--directory", "/home/local-aws/run")


@pytest.fixture(scope="module")
def image(engine: Engine, base_image: str, build_environment: Mapping[str, str]) -> str:
    secrets = [
        f"--secret=id={name},src={path}"
        for name, path in (pair.split("=", 1) for pair in build_environment["IMAGE_BUILD_SECRETS"].split(","))
    ]
    context = (COMPOSE.parent / SERVICE["build"]["context"]).resolve()
    buildkit = Engine({**engine.environment, "DOCKER_BUILDKIT": "1"})
    buildkit.docker(
        "build",
        f"--file={context / SERVICE['build']['dockerfile']}",
        f"--tag={SERVICE['image']}",
        f"--build-arg=BASE_IMAGE={base_image}",
        f"--network={build_environment['IMAGE_BUILD_NETWORK']}",
        *secrets,
        str(context),
    )
    return SERVICE["image"]


@pytest.fixture(scope="module")
def variables(engine: Engine, image: str) -> Iterator[dict[str, str]]:
    """What `docker compose exec local-aws python3 -m local_aws env` prints for a shell."""
    ports = [f"--publish={port}" for port in SERVICE["ports"]]
    engine.docker("run", "--detach", f"--name={NAME}", "--init", *ports, image)
    try:
        _wait_until_healthy(engine, NAME)
        printed = engine.docker("exec", NAME, *COMMAND, "env", *DIRECTORY)
        exports = [line.removeprefix("export ") for line in printed.splitlines() if line.startswith("export ")]
        yield dict(shlex.split(line)[0].split("=", 1) for line in exports)
    finally:
        with contextlib.suppress(RuntimeError):
            engine.docker("rm", "--force", NAME)


def test_host_reaches_it_with_what_env_prints(variables: dict[str, str]) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    s3.create_bucket(Bucket="from-the-host")
    s3.put_object(Bucket="from-the-host", Key="key", Body=b"content")
    assert s3.get_object(Bucket="from-the-host", Key="key")["Body"].read() == b"content"


def test_container_that_shares_its_network_reaches_it(engine: Engine, variables: dict[str, str], image: str) -> None:
    script = "import boto3; print(boto3.client('sagemaker').list_endpoints()['Endpoints'])"
    settings = [f"--env={name}={value}" for name, value in variables.items()]
    shared = f"--network=container:{NAME}"
    assert engine.docker("run", "--rm", shared, *settings, image, "python3", "-c", script) == "[]"


def test_page_has_a_link(engine: Engine, variables: dict[str, str]) -> None:
    link = engine.docker("exec", NAME, *COMMAND, "page", *DIRECTORY)
    assert link.startswith(f"{variables['AWS_ENDPOINT_URL']}/_local/?key=")


def test_stops_at_once(engine: Engine, image: str) -> None:
    """In a container of its own: tests run in any order."""
    name = f"{NAME}-stops"
    engine.docker("run", "--detach", f"--name={name}", "--init", image)
    try:
        _wait_until_healthy(engine, name)
        started = time.monotonic()
        engine.docker("stop", "--time=20", name)
        assert time.monotonic() - started < 15
        assert engine.docker("inspect", "--format={{.State.ExitCode}}", name) == "0"
    finally:
        engine.docker("rm", "--force", name)


def _wait_until_healthy(engine: Engine, name: str) -> None:
    deadline = time.monotonic() + 60
    while engine.docker("inspect", "--format={{.State.Health.Status}}", name) != "healthy":
        assert time.monotonic() < deadline, engine.docker("logs", name)
        time.sleep(0.5)
