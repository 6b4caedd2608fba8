"""The builder against a real engine and Debian's registry, with a tiny image; and what goes wrong in the field."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from image_builder import engines
from image_builder.builder import build_and_push
from image_builder.context import content_hash
from image_builder.errors import ImageBuilderError
from image_builder.repository import OCI_MANIFEST, Credentials, Repository
from image_builder.requirements import DOCKER_MANIFEST, REQUIRED_LABELS, ImageDescription
from image_builder.settings import Settings, read_settings
from local_aws.account import ACCOUNT_ID, REGION
from tests.docker.conftest import run_builder
from tests.docker.deployment import AwsWithEngine, variables
from tests.support.docker_engine import DebianRegistry, Engine, free_port, running_engine, small_disk

MIB = 1 << 20


@pytest.fixture(scope="module")
def registry(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRegistry]:
    with DebianRegistry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def aws(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsWithEngine]:
    folder = tmp_path_factory.mktemp("builder")
    with AwsWithEngine(
        tools, directory=folder / "aws", port=0, provider="none", runtime="docker", log_file=folder / "log"
    ) as aws:
        yield aws


@pytest.fixture
def ecr(aws: AwsWithEngine) -> Any:
    return aws.session().client("ecr", endpoint_url=aws.url)


class RepositoryIn(Repository):
    """A repository in a registry of the test's instead of ECR's own."""

    def __init__(self, name: str, registry: str) -> None:
        super().__init__(None, ACCOUNT_ID, name)
        self._url = f"http://{registry}"

    def credentials(self) -> Credentials:
        return Credentials(self._url, DebianRegistry.USER, DebianRegistry.PASSWORD)

    def find(self, tag: str) -> ImageDescription | None:
        with contextlib.suppress(requests.ConnectionError):  # the push is what fails where the registry is down
            manifest = self._get(f"manifests/{tag}", {"Accept": DOCKER_MANIFEST})
            if manifest.status_code == 200:
                config = self._get(f"blobs/{manifest.json()['config']['digest']}")
                return ImageDescription.from_config(config.json(), manifest.headers["Content-Type"])
        return None

    def digest(self, tag: str) -> str:
        return self._get(f"manifests/{tag}", {"Accept": DOCKER_MANIFEST}).headers["Docker-Content-Digest"]

    def _get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        login = (DebianRegistry.USER, DebianRegistry.PASSWORD)
        return requests.get(f"{self._url}/v2/{self.name}/{path}", headers=headers, auth=login, timeout=10)


@pytest.fixture
def name(ecr: Any) -> str:
    name = f"server-{uuid.uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    return name


@pytest.fixture
def tags(ecr: Any, name: str) -> Callable[[], list[str]]:
    """The tags in the repository at this moment."""
    return lambda: [image["imageTag"] for image in ecr.list_images(repositoryName=name)["imageIds"]]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context of one small file, from no base at all."""
    folder = tmp_path / "context"
    folder.mkdir()
    labels = "".join(f"LABEL {label}={value}\n" for label, value in REQUIRED_LABELS.items())
    (folder / "Dockerfile").write_text(f'FROM scratch\n{labels}COPY content /content\nENTRYPOINT ["/serve"]\n')
    (folder / "content").write_text(uuid.uuid4().hex)
    return folder


@pytest.fixture
def environment(aws: AwsWithEngine, name: str, context: Path) -> Callable[..., dict[str, str]]:
    """What the provisioner sets, for the context as it is now."""
    return lambda **changes: {
        **aws.environment(),
        "IMAGE_REPOSITORY_URI": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{name}",
        "IMAGE_TAG": content_hash(context)[:16],
        "BUILD_CONTEXT": str(context),
        "CONTAINER_ENGINE": "docker",
        **changes,
    }


class Builder:
    """The builder in this process, which pushes to a registry of the test's."""

    def __init__(self, name: str, registry: str, tools: dict[str, str]) -> None:
        self.repository = RepositoryIn(name, registry)
        self._tools = tools
        self.lines: list[str] = []

    def run(self, environment: dict[str, str]) -> Settings:
        settings = read_settings(environment, Settings)
        self.lines.clear()
        with variables(self._tools):
            build_and_push(settings, self.repository, self.lines.append)
        return settings


@pytest.fixture
def builder(name: str, registry: DebianRegistry, tools: dict[str, str]) -> Builder:
    return Builder(name, registry.address, tools)


def pull(engine: Engine, registry: DebianRegistry, reference: str) -> dict[str, Any]:
    """What a machine that knows nothing of the build gets."""
    engine.docker("login", f"--username={registry.USER}", f"--password={registry.PASSWORD}", registry.address)
    engine.docker("image", "rm", "--force", reference, check=False)
    engine.docker("pull", reference)
    (inspection,) = json.loads(engine.docker("image", "inspect", reference))
    engine.docker("image", "rm", reference)
    return inspection


def test_build_push_and_nothing_the_second_time(
    builder: Builder, environment: Callable[..., dict[str, str]], engine: Engine, registry: DebianRegistry
) -> None:
    settings = builder.run(environment())
    assert any(line.startswith("Pushed") for line in builder.lines)
    pulled = pull(engine, registry, f"{registry.address}/{settings.repository_name}:{settings.tag}")
    assert pulled["Config"]["Labels"].items() >= REQUIRED_LABELS.items()
    assert (pulled["Os"], pulled["Architecture"]) == ("linux", "amd64")
    builder.run(environment())
    assert builder.lines == [f"{settings.image_uri} is in the repository already: nothing to build."]


def test_a_changed_file_is_another_image(
    builder: Builder, environment: Callable[..., dict[str, str]], context: Path
) -> None:
    first = builder.run(environment())
    (context / "content").write_text("other")
    second = builder.run(environment())
    assert first.tag != second.tag
    assert builder.repository.digest(first.tag) != builder.repository.digest(second.tag)


def test_the_password_is_in_no_file_and_no_output(
    builder: Builder, environment: Callable[..., dict[str, str]], engine: Engine
) -> None:
    configuration = Path(engine.environment.get("DOCKER_CONFIG", Path.home() / ".docker")) / "config.json"
    before = configuration.read_text() if configuration.exists() else None
    builder.run(environment())
    assert DebianRegistry.PASSWORD not in "\n".join(builder.lines)
    assert (configuration.read_text() if configuration.exists() else None) == before


def test_a_bad_dockerfile_shows_the_last_lines_of_the_build(
    environment: Callable[..., dict[str, str]], context: Path, tags: Callable[[], list[str]]
) -> None:
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("COPY no-such-file /\n")
    built = run_builder(environment())
    assert built.exit_code != 0
    assert "no-such-file" in "\n".join(built.output.splitlines()[-20:])
    assert "docker build" in built.output
    assert "Traceback" not in built.output
    assert tags() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("LABEL", "# LABEL"), "the label com.amazonaws.sagemaker.capabilities.multi-models=true is missing"),
        (('["/serve"]', "/serve"), "its ENTRYPOINT is in shell form"),
    ],
)
def test_an_image_that_sagemaker_would_refuse_is_not_pushed(
    environment: Callable[..., dict[str, str]],
    context: Path,
    tags: Callable[[], list[str]],
    change: tuple[str, str],
    reason: str,
) -> None:
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace(*change))
    built = run_builder(environment())
    assert built.exit_code != 0
    assert reason in built.output
    assert tags() == []


def test_an_image_for_another_platform_that_is_there_already_is_refused(
    environment: Callable[..., dict[str, str]], tags: Callable[[], list[str]]
) -> None:
    built = run_builder(environment(IMAGE_PLATFORM="linux/arm64"))
    assert built.exit_code == 0, built.output
    assert len(tags()) == 1
    refused = run_builder(environment())
    assert refused.exit_code != 0
    assert "its platform is linux/arm64, the endpoint needs linux/amd64" in refused.output


def test_the_registry_is_down(name: str, environment: Callable[..., dict[str, str]], tools: dict[str, str]) -> None:
    builder = Builder(name, f"127.0.0.1:{free_port()}", tools)
    with pytest.raises(ImageBuilderError, match=r"docker login .*[\s\S]*connection refused"):
        builder.run(environment())


def test_the_engine_is_down(environment: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    nobody = {"DOCKER_HOST": f"unix://{tmp_path / 'docker.sock'}"}
    built = run_builder(environment(**nobody))
    assert built.exit_code != 0
    assert "CONTAINER_ENGINE is docker, but docker is installed but does not answer: Cannot connect" in built.output
    assert "Traceback" not in built.output


def test_without_an_engine_the_local_aws_gets_a_snapshot(
    environment: Callable[..., dict[str, str]], tools: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "bin" / "podman"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho broken; exit 1\n")
    broken.chmod(0o755)
    nobody = {"DOCKER_HOST": f"unix://{tmp_path / 'docker.sock'}", "PATH": f"{broken.parent}:{tools['PATH']}"}
    built = run_builder(environment(CONTAINER_ENGINE="auto", **nobody))
    assert built.exit_code == 0, built.output
    assert "NO IMAGE WAS BUILT" in built.output
    assert "podman is installed but does not answer: broken; finch is not installed" in built.output


def test_the_engine_s_disk_is_full(environment: Callable[..., dict[str, str]], context: Path) -> None:
    (context / "content").write_bytes(os.urandom(64 * MIB))
    with running_engine(disk_mib=48) as engine:
        built = run_builder(environment(**engine.environment))
    assert built.exit_code != 0
    assert "no space left on device" in "\n".join(built.output.splitlines()[-20:])
    assert "Traceback" not in built.output


def test_the_registry_s_disk_is_full(
    name: str,
    environment: Callable[..., dict[str, str]],
    context: Path,
    tools: dict[str, str],
    tmp_path: Path,
) -> None:
    """No image appears, and once there is room the same deployment succeeds."""
    (context / "content").write_bytes(os.urandom(24 * MIB))
    with (
        small_disk(size_mib=16) as disk,
        AwsWithEngine(
            tools, directory=disk / "aws", port=0, provider="none", runtime="docker", log_file=tmp_path / "log"
        ) as aws,
    ):
        other = aws.session().client("ecr", endpoint_url=aws.url)
        other.create_repository(repositoryName=name)
        built = run_builder(environment(**aws.environment()))
        assert built.exit_code != 0
        assert "no space left" in "\n".join(built.output.splitlines()[-20:])
        assert other.list_images(repositoryName=name)["imageIds"] == []
    again = run_builder(environment())
    assert again.exit_code == 0, again.output


@pytest.fixture
def podman(tmp_path: Path) -> dict[str, str]:
    """Variables with which podman, which has no daemon, keeps all it has in the test's folder."""
    parts = {
        "CONTAINERS_STORAGE_CONF": f"""[storage]
driver = "vfs"
graphroot = "{tmp_path / "images"}"
runroot = "{tmp_path / "run"}"
""",
        "CONTAINERS_CONF": f"""[engine]
tmp_dir = "{tmp_path / "tmp"}"
lock_type = "file"
events_logger = "none"
""",
    }
    for name, content in parts.items():
        (tmp_path / name).write_text(content)
    return {name: str(tmp_path / name) for name in parts}


def test_podman_builds_what_sagemaker_takes(
    name: str,
    environment: Callable[..., dict[str, str]],
    registry: DebianRegistry,
    tools: dict[str, str],
    podman: dict[str, str],
) -> None:
    builder = Builder(name, registry.address, tools | podman)
    settings = builder.run(environment(CONTAINER_ENGINE="podman"))
    assert any(line.startswith("Pushed") for line in builder.lines)
    pushed = builder.repository.find(settings.tag)
    assert pushed is not None
    assert (pushed.architecture, pushed.manifest_type) == ("amd64", DOCKER_MANIFEST)
    builder.run(environment(CONTAINER_ENGINE="podman"))
    assert builder.lines == [f"{settings.image_uri} is in the repository already: nothing to build."]


def test_podman_tells_an_image_of_oci_s_kind(context: Path, podman: dict[str, str]) -> None:
    """What it makes by default."""
    with variables(podman):
        engine = engines.Engine("podman", print)
        engine.build(context, "kind:1", "linux/amd64", {}, ["--format=oci"])
        image, _ = engine.inspect("kind:1")
    assert image.manifest_type == OCI_MANIFEST


class CuttingProxy:
    """Passes bytes on to a registry, and cuts the first connection that has sent `cut_bytes`."""

    def __init__(self, target: str, cut_bytes: int) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._cut_bytes = cut_bytes
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, may_cut: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if may_cut and not self.cuts and passed > self._cut_bytes:
                    self.cuts += 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def test_a_connection_cut_in_the_middle_of_a_push(
    builder: Builder,
    environment: Callable[..., dict[str, str]],
    context: Path,
    registry: DebianRegistry,
    engine: Engine,
) -> None:
    (context / "content").write_bytes(os.urandom(8 * MIB))
    with CuttingProxy(registry.address, cut_bytes=2 * MIB) as proxy:
        builder.repository = RepositoryIn(builder.repository.name, proxy.address)
        settings = builder.run(environment())
    assert proxy.cuts == 1
    # Complete all the same: another machine gets every byte.
    assert pull(engine, registry, f"{registry.address}/{settings.repository_name}:{settings.tag}")["Size"] == 8 * MIB


def test_a_push_that_was_killed_leaves_no_tag_and_can_be_repeated(
    tags: Callable[[], list[str]], environment: Callable[..., dict[str, str]], context: Path, tmp_path: Path
) -> None:
    (context / "content").write_bytes(os.urandom(32 * MIB))
    process = subprocess.Popen(
        ["python3", "-m", "image_builder"],
        env={**os.environ, **environment(), "TMPDIR": str(tmp_path)},  # it leaves its folder behind
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        for line in process.stdout:
            if "Preparing" in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
    time.sleep(0.5)
    assert tags() == []
    built = run_builder(environment())
    assert built.exit_code == 0, built.output
    assert tags() == [content_hash(context)[:16]]
