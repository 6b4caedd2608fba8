"""The image of container/, built by the image stack's provisioner: what is in it, and how it runs elsewhere."""

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from image_builder.requirements import REQUIRED_LABELS
from tests.docker.clients import ContainerClient
from tests.support.docker_engine import Engine

STOP_LIMIT_SECONDS = 1.0
MAX_SIZE_BYTES = 700 << 20


@pytest.fixture
def shell(engine: Engine, image: str) -> Callable[[str], str]:
    """Run a command line in a fresh container."""
    return lambda line: engine.docker("run", "--rm", "--entrypoint=sh", image, "-c", line)


def test_labels_platform_and_entry_point(engine: Engine, image: str) -> None:
    (inspection,) = json.loads(engine.docker("image", "inspect", image))
    assert (inspection["Os"], inspection["Architecture"]) == ("linux", "amd64")
    assert inspection["Config"]["Labels"].items() >= REQUIRED_LABELS.items()
    assert inspection["Config"]["Entrypoint"] == ["python3", "/opt/server/serve"]


def test_the_size_stays_small(
    engine: Engine, image: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    (inspection,) = json.loads(engine.docker("image", "inspect", image))
    record_testsuite_property("image_size_bytes", inspection["Size"])
    assert inspection["Size"] < MAX_SIZE_BYTES


def test_no_compilers_and_caches_are_left(shell: Callable[[str], str]) -> None:
    left = shell(
        "for program in cc gcc g++ make git; do command -v $program; done;"
        "ls /var/lib/apt/lists /var/cache/apt /root/.cache /tmp 2>/dev/null | grep -v :;"
        "find /opt -name '*.whl' -o -name tests -type d"
    )
    assert left.split() == []


def test_nothing_of_the_machine_that_built_it_is_left(
    engine: Engine, image: str, shell: Callable[[str], str], build_environment: dict[str, str]
) -> None:
    configuration = Path(build_environment["IMAGE_BUILD_SECRETS"].partition(",")[0].partition("=")[2]).read_text()
    values = {line.partition(" = ")[2] for line in configuration.splitlines() if line.startswith("index-url")}
    recorded = engine.docker("history", "--no-trunc", image) + engine.docker("image", "inspect", image)
    assert not any(value in recorded for value in values)
    assert shell("cat /etc/pip.conf /run/secrets/* 2>/dev/null; env | grep -iE 'pip|proxy|cert' || true") == ""


def test_as_sagemaker_starts_it(engine: Engine, client: ContainerClient, models: dict[str, Path]) -> None:
    """As root, with the models' folder read-only."""
    assert engine.docker("exec", client.container, "id", "--user") == "0"
    denied = engine.docker("exec", client.container, "touch", str(models["dense"] / "new"), check=False)
    assert "Read-only file system" in denied
    with client.loaded("dense", models["dense"]):
        assert client.invoke("dense", b"[[1, 2, 3, 4]]", "application/json").status == 200


@pytest.fixture
def readable(models: dict[str, Path]) -> Iterator[Path]:
    """The folder of a model that every user may read, as those of SageMaker are."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(models["dense"], Path(folder) / "dense")
        for path in (Path(folder), copy, *copy.iterdir()):
            path.chmod(0o755)
        yield copy


@pytest.fixture
def start_unprivileged(engine: Engine, image: str, readable: Path) -> Iterator[Callable[[], ContainerClient]]:
    options = ["--user=12345:12345", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--memory=2g"]
    with contextlib.ExitStack() as stack:

        def start() -> ContainerClient:
            client = ContainerClient(engine, image, readable, {"MODEL_SERVER_WORKERS": "1"}, options)
            stack.callback(client.close)
            client.wait_until_ready()
            return client

        yield start


def test_as_any_user_without_rights_on_a_read_only_system(
    start_unprivileged: Callable[[], ContainerClient], readable: Path
) -> None:
    client = start_unprivileged()
    with client.loaded("dense", readable):
        assert client.invoke("dense", b"[[1, 2, 3, 4]]", "application/json").status == 200


def test_an_idle_container_stops_within_a_second(
    engine: Engine,
    start_unprivileged: Callable[[], ContainerClient],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """Three attempts: the limit is the server's, and the machine may be busy with other things."""
    seconds: list[float] = []
    while len(seconds) < 3 and not any(value < STOP_LIMIT_SECONDS for value in seconds):
        client = start_unprivileged()
        started = time.time()
        engine.docker("kill", "--signal=TERM", client.container)
        assert engine.docker("wait", client.container) == "0"
        finished = engine.docker("container", "inspect", "--format={{.State.FinishedAt}}", client.container)
        seconds.append(datetime.fromisoformat(finished).timestamp() - started)
    record_testsuite_property("stop_seconds", [round(value, 3) for value in seconds])
    assert min(seconds) < STOP_LIMIT_SECONDS, seconds
