"""Terraform builds the image, the local AWS runs it in containers, and a changed file rolls the endpoint in place."""

import json
import re
import time

import numpy as np
import pytest

from operations.terraform import TerraformError
from tests.docker.conftest import run_builder
from tests.docker.deployment import Stacks
from tests.support.docker_engine import Engine

INSTANCES = [[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, -1.0, 2.0]]
GIB = 1 << 30


def instances(engine: Engine, image: str) -> list[dict]:
    """The running containers of an image of the local ECR."""
    names = engine.docker("ps", "--quiet", f"--filter=label=com.amazonaws.sagemaker.local.image={image}").split()
    return json.loads(engine.docker("container", "inspect", *names)) if names else []


def resolved(stacks: Stacks) -> str:
    (variant,) = stacks.endpoint()["ProductionVariants"]
    return variant["DeployedImages"][0]["ResolvedImage"]


def layers(engine: Engine, image: str) -> list[str]:
    (inspection,) = json.loads(engine.docker("image", "inspect", image))
    return inspection["RootFS"]["Layers"]


def test_deployed_run_and_rolled(stacks: Stacks, image: str, engine: Engine, tools: dict[str, str]) -> None:
    for stack in ("models", "endpoint"):
        stacks.deploy(stack)
    first_image = resolved(stacks)
    outputs = stacks.invoke("dense", INSTANCES)
    np.testing.assert_allclose(np.sum(outputs, axis=1), 1, atol=1e-5)

    # An instance is a container, limited like its type, reached on loopback only, its models read-only.
    (container,) = instances(engine, first_image)
    host = container["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (8 * GIB, 8 * GIB)
    assert 0 < host["NanoCpus"] <= 2_000_000_000
    assert {binding["HostIp"] for ports in host["PortBindings"].values() for binding in ports} == {"127.0.0.1"}
    assert [(mount["Type"], mount["RW"]) for mount in container["Mounts"]] == [("bind", False)]

    # A second deployment has nothing to do, and neither has the builder.
    assert not stacks.deploy("image").changes
    assert not stacks.deploy("endpoint").changes
    again = run_builder({**stacks.builder_environment(), **tools})
    assert again.exit_code == 0, again.output
    assert "nothing to build" in again.output

    # A changed file of the container: a new image, and the endpoint is updated in place.
    created = stacks.endpoint()["CreationTime"]
    with (stacks.container / "model_server" / "wire.py").open("a") as file:
        file.write("\n# changed\n")
    stacks.synth()
    assert [change.symbol for change in stacks.deploy("image").changes] == ["-/+"]
    former, changed = layers(engine, image), layers(engine, stacks.image)
    assert changed[:-1] == former[:-1], "only the last layer is built and pushed"
    assert changed[-1] != former[-1]
    symbols = {change.address: change.symbol for change in stacks.deploy("endpoint").changes}
    assert symbols.pop("aws_sagemaker_endpoint.endpoint") == "~"
    assert set(symbols.values()) == {"+/-"}
    assert resolved(stacks) != first_image
    assert stacks.endpoint()["CreationTime"] == created
    assert len(instances(engine, resolved(stacks))) == 1
    deadline = time.monotonic() + 30
    while instances(engine, first_image) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not instances(engine, first_image)
    np.testing.assert_allclose(stacks.invoke("dense", INSTANCES), outputs, atol=1e-6)


@pytest.mark.usefixtures("image")
def test_a_build_that_fails_is_shown_in_terraform_s_error(stacks: Stacks) -> None:
    image, dockerfile = stacks.image, stacks.container / "Dockerfile"
    with (
        stacks.changed(dockerfile, dockerfile.read_text() + "RUN echo this is the reason; exit 3\n"),
        pytest.raises(TerraformError) as caught,
    ):
        stacks.deploy("image")
    assert re.search(r"image_builder: docker build failed with exit code \d+\. The last lines:", caught.value.output)
    assert "this is the reason" in caught.value.output
    assert "Traceback" not in caught.value.output
    # With the mistake taken back, the image that is in the repository already is the one again.
    stacks.deploy("image")
    assert stacks.image == image
    assert not stacks.deploy("image").changes


@pytest.mark.usefixtures("image")
def test_the_login_is_not_in_the_state(stacks: Stacks) -> None:
    (login,) = stacks.client("ecr").get_authorization_token()["authorizationData"]
    state = stacks.state("image")
    assert stacks.image in state
    assert login["authorizationToken"] not in state


@pytest.mark.usefixtures("image")
def test_a_prebuilt_image_is_checked_and_nothing_is_built(stacks: Stacks) -> None:
    image = stacks.image
    with stacks.prebuilt(image):
        assert [(change.address, change.symbol) for change in stacks.deploy("image").changes] == [
            ("terraform_data.image", "-/+")
        ]
        assert stacks.image == image
    with stacks.prebuilt(f"{image}-absent"), pytest.raises(TerraformError) as caught:
        stacks.deploy("image")
    assert "is not in its repository" in caught.value.output
    # Built here again, it is the image that is in the repository already.
    stacks.deploy("image")
    assert stacks.image == image
    assert not stacks.deploy("image").changes
