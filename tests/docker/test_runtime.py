"""The local AWS with an engine: images run in containers, snapshots as processes, and nothing stays."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_builder.context import content_hash
from image_builder.requirements import REQUIRED_LABELS
from local_aws.account import ACCOUNT_ID, REGION
from local_aws.guardian import Guardian
from tests.docker.conftest import run_builder
from tests.docker.deployment import AwsWithEngine, variables
from tests.local_aws.account import FAKE_CONTAINER, Account, unique
from tests.support.docker_engine import Engine


@pytest.fixture(scope="module")
def account(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("runtime")
    aws = AwsWithEngine(
        tools,
        directory=folder / "aws",
        port=0,
        provider="none",
        runtime="auto",
        log_file=folder / "log",
        startup_health_check_seconds=8,
    )
    with aws:
        account = Account(aws)
        account.prepare()
        yield account


@pytest.fixture(scope="module")
def image(account: Account, build_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fake container of the local AWS's own tests as a real image; its URI by digest, as in the label."""
    context = tmp_path_factory.mktemp("context")
    labels = "".join(f"LABEL {name}={value}\n" for name, value in REQUIRED_LABELS.items())
    (context / "Dockerfile").write_text(
        f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\n{labels}COPY serve /serve\nENV MODEL_SERVER_HOST=0.0.0.0\n"
        'ENTRYPOINT ["python3", "/serve"]\n'
    )
    (context / "serve").write_bytes((FAKE_CONTAINER / "serve").read_bytes())
    account.ecr.create_repository(repositoryName="fake-image")
    tag = content_hash(context)[:16]
    uri = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/fake-image"
    built = run_builder(
        {
            **account.aws.environment(),
            "IMAGE_REPOSITORY_URI": uri,
            "IMAGE_TAG": tag,
            "BUILD_CONTEXT": str(context),
            "IMAGE_BASE": build_environment["IMAGE_BASE"],
        }
    )
    assert built.exit_code == 0, built.output
    (details,) = account.ecr.describe_images(repositoryName="fake-image")["imageDetails"]
    return f"{uri}@{details['imageDigest']}"


def containers(engine: Engine, image: str) -> list[str]:
    """The instances that run an image, by name. The engine runs those of other tests as well."""
    label = f"com.amazonaws.sagemaker.local.image={image}"
    return engine.docker("ps", "--all", "--format={{.Names}}", f"--filter=label={label}").split()


def test_the_choice_is_part_of_the_status(account: Account) -> None:
    assert account.aws.status()["runtime"].startswith("containers of the built image (docker ")


def test_images_run_in_containers_and_snapshots_as_processes(account: Account, image: str, engine: Engine) -> None:
    seen = {}
    for kind, uri in (("image", image), ("snapshot", account.fake_image)):
        model = account.create_model(Image=uri, environment={"GREETING": "hello there"})
        account.put_model(model, "m")
        endpoint = account.create_endpoint(account.create_config(model, InstanceType="ml.c5.large"))
        description = account.await_settled(endpoint, timeout_seconds=60)
        assert description["EndpointStatus"] == "InService", description.get("FailureReason")
        seen[kind] = account.invoke(endpoint, "m")
    assert seen["image"]["pid"] == 1
    assert seen["snapshot"]["pid"] != 1
    environment = seen["image"]["environment"]
    assert environment["GREETING"] == "hello there"
    assert environment["SAGEMAKER_MULTI_MODEL"] == "true"
    assert "AWS_ENDPOINT_URL" not in environment
    (name,) = containers(engine, image)
    (container,) = json.loads(engine.docker("container", "inspect", name))
    assert container["HostConfig"]["Memory"] == 4 << 30
    for endpoint in account.sagemaker.list_endpoints()["Endpoints"]:
        account.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])
    await_none(engine, image)


def await_none(engine: Engine, image: str) -> None:
    deadline = time.monotonic() + 20
    while containers(engine, image) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert containers(engine, image) == []


@pytest.mark.parametrize(("ping", "reason"), [("exit:1", "told to end with exit:1"), ("500", "answered 500")])
def test_a_container_that_is_never_ready(account: Account, image: str, engine: Engine, ping: str, reason: str) -> None:
    model = account.create_model(Image=image, environment={"FAKE_PING": ping})
    endpoint = account.create_endpoint(account.create_config(model, ContainerStartupHealthCheckTimeoutInSeconds=60))
    description = account.await_settled(endpoint, timeout_seconds=60)
    assert description["EndpointStatus"] == "Failed"
    assert reason in description["FailureReason"]
    account.sagemaker.delete_endpoint(EndpointName=endpoint)
    await_none(engine, image)


def test_an_image_for_another_platform(account: Account, image: str) -> None:
    model = account.create_model(Image=image)
    endpoint = account.create_endpoint(account.create_config(model, InstanceType="ml.c7g.large"))
    description = account.await_settled(endpoint)
    assert description["EndpointStatus"] == "Failed"
    assert (
        "is built for linux/amd64, but instances of type ml.c7g.large run linux/arm64" in description["FailureReason"]
    )


def test_containers_of_a_local_aws_that_was_killed_go_too(
    engine: Engine, base_image: str, tools: dict[str, str], tmp_path: Path
) -> None:
    name = unique("sagemaker-i-orphan")
    engine.docker("run", "--detach", f"--name={name}", base_image, "sleep", "600")
    with variables(tools):
        guardian = Guardian()
    guardian.watch_container(name)
    guardian.stop()  # what it does when the other end of the pipe is gone, however that happened
    assert engine.docker("ps", "--all", "--quiet", f"--filter=name={name}") == ""
