"""Instances in containers, with a `docker` that only writes down how it was called."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from image_builder.requirements import DOCKER_MANIFEST
from local_aws.instances.child import Surroundings
from local_aws.instances.docker import DockerInstance
from local_aws.instances.docker_engine import DockerEngine
from local_aws.instances.image import Image
from local_aws.instances.instance import InstanceError, InstanceSpec
from local_aws.instances.ports import PortAllocator
from local_aws.instances.runtime import RuntimeUnavailableError, choose_runtime
from local_aws.settings import RuntimeChoice

DIGEST = f"sha256:{'a' * 64}"
INFO = {"ServerVersion": "99.0", "NCPU": 2, "OperatingSystem": "Debian", "OSType": "linux"}
_FAKE_DOCKER = """
import json, os, sys, time
from pathlib import Path
folder = Path(os.environ["FAKE_DOCKER"])
plan = json.loads((folder / "plan.json").read_text())
with (folder / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
command = sys.argv[1]
if command == "info":
    print(json.dumps(plan["info"]))
elif command == "context":
    print(plan["host"])
elif command == "start":
    print("serving", flush=True)
    time.sleep(60)
if command in plan["failing"]:
    sys.exit(f"first line\\nError response from daemon: {command} failed")
"""


class FakeDocker:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.plan()

    def plan(self, **changes: Any) -> None:
        plan = {"info": INFO, "host": "unix:///var/run/docker.sock", "failing": [], **changes}
        (self._folder / "plan.json").write_text(json.dumps(plan))

    def calls(self, command: str) -> list[list[str]]:
        lines = (self._folder / "calls.jsonl").read_text().splitlines()
        return [call[1:] for call in map(json.loads, lines) if call[0] == command]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(f"#!{sys.executable} -IS\n{_FAKE_DOCKER}")
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("FAKE_DOCKER", str(folder))
    return FakeDocker(folder)


class Watched:
    """In place of the guardian and the log shipper: what is watched at the moment."""

    def __init__(self) -> None:
        self.containers: list[str] = []

    def watch_container(self, name: str) -> None:
        self.containers.append(name)

    def forget_container(self, name: str) -> None:
        self.containers.remove(name)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.fixture
def watched() -> Watched:
    return Watched()


def instance(watched: Watched, folder: Path, *, layer: str = "application/x", **spec: Any) -> DockerInstance:
    manifest = {"config": {"digest": DIGEST}, "layers": [{"mediaType": layer, "digest": DIGEST}]}
    images = SimpleNamespace(resolve=lambda uri: Image(uri, "team/server", DIGEST, manifest, DOCKER_MANIFEST))
    values = {"id": "i-1", "log_group": "g", "log_stream": "s", "image": "uri", "instance_type": "ml.m5.xlarge", **spec}
    surroundings = Surroundings(watched, folder, watched, PortAllocator(), lambda role: {})
    engine = DockerEngine.find("127.0.0.1:4566", "password")
    return DockerInstance(InstanceSpec(**values), images, surroundings, engine, folder / "models")


def test_a_container_has_the_limits_of_its_instance_type(docker: FakeDocker, watched: Watched, tmp_path: Path) -> None:
    running = instance(watched, tmp_path, environment={"GREETING": "hello there"})
    running.start()
    deadline = time.monotonic() + 20
    while running.log_tail(1) != "serving" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert watched.containers == ["sagemaker-i-1"]
    port = running.url.rpartition(":")[2]
    running.stop()
    (pulled,) = docker.calls("pull")
    (created,) = docker.calls("create")
    assert pulled == ["--quiet", f"127.0.0.1:4566/team/server@{DIGEST}"]
    assert created[-2:] == [f"127.0.0.1:4566/team/server@{DIGEST}", "serve"]
    assert {"--memory=16384m", "--memory-swap=16384m", "--cpus=2"} <= set(created), "no more CPUs than the engine has"
    assert f"--publish=127.0.0.1:{port}:{port}" in created
    models = tmp_path / "models" / "i-1"
    assert f"--mount=type=bind,source={models},target=/opt/ml/models,readonly" in created
    assert not models.exists()
    assert {"--env=GREETING=hello there", f"--env=SAGEMAKER_BIND_TO_PORT={port}"} <= set(created)
    assert docker.calls("start") == [["--attach", "sagemaker-i-1"]]
    assert docker.calls("rm") == [["--force", "--volumes", "sagemaker-i-1"]]
    assert watched.containers == []


def test_models_are_where_sagemaker_has_them(docker: FakeDocker, watched: Watched, tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    (artifact / "code").mkdir(parents=True)
    (artifact / "code" / "inference.py").write_text("pass")
    running = instance(watched, tmp_path)
    running.start()
    for _ in range(2):
        assert running.place("abc", artifact) == "/opt/ml/models/abc/model"
    placed = tmp_path / "models" / "i-1" / "abc" / "model" / "code" / "inference.py"
    assert placed.samefile(artifact / "code" / "inference.py")
    running.remove("abc")
    assert not placed.exists()
    running.stop()
    assert (artifact / "code" / "inference.py").exists()


def test_the_one_model_of_a_container(docker: FakeDocker, watched: Watched, tmp_path: Path) -> None:
    running = instance(watched, tmp_path, is_multi_model=False)
    running.start(tmp_path / "artifact")
    running.stop()
    (created,) = docker.calls("create")
    assert f"--mount=type=bind,source={tmp_path / 'artifact'},target=/opt/ml/model,readonly" in created
    assert "--env=SAGEMAKER_MULTI_MODEL=true" not in created


def test_an_instance_type_that_is_not_known_has_no_limits(docker: FakeDocker, watched: Watched, tmp_path: Path) -> None:
    running = instance(watched, tmp_path, instance_type="ml.unknown")
    running.start()
    running.stop()
    assert not [option for option in docker.calls("create")[0] if option.startswith(("--memory", "--cpus"))]


def test_a_container_that_cannot_be_made(docker: FakeDocker, watched: Watched, tmp_path: Path) -> None:
    docker.plan(failing=["create"])
    running = instance(watched, tmp_path)
    with pytest.raises(InstanceError, match="docker create: Error response from daemon: create failed"):
        running.start()
    running.stop()
    assert watched.containers == []


def test_what_was_pulled_is_pulled_once_and_taken_back(docker: FakeDocker) -> None:
    engine = DockerEngine.find("127.0.0.1:4566", "password")
    reference = engine.pull("team/server", DIGEST)
    assert engine.pull("team/server", DIGEST) == reference
    engine.stop()
    engine.stop()
    assert len(docker.calls("pull")) == 1
    assert docker.calls("image") == [["rm", reference]]


def test_a_snapshot_does_not_run_in_a_container(docker: FakeDocker, watched: Watched, tmp_path: Path) -> None:
    layer = "application/vnd.amazon.sagemaker.build-context.v1.tar+gzip"
    with pytest.raises(InstanceError, match="is a snapshot of a build context"):
        instance(watched, tmp_path, layer=layer).start()


@pytest.mark.parametrize("choice", ["auto", "docker"])
def test_an_engine_that_answers_is_used(docker: FakeDocker, choice: RuntimeChoice) -> None:
    runtime = choose_runtime(choice, "127.0.0.1:4566", "password")
    assert runtime.engine is not None
    assert runtime.description == "containers of the built image (docker 99.0)"


def test_processes_when_they_are_asked_for(docker: FakeDocker) -> None:
    assert choose_runtime("process", "127.0.0.1:4566", "password").engine is None


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"info": {"ServerErrors": ["Cannot connect to the Docker daemon"]}}, "Cannot connect to the Docker daemon"),
        ({"failing": ["info"]}, "info failed"),
        ({"host": "tcp://build-host:2376"}, "another machine"),
        ({"info": {**INFO, "OperatingSystem": "Docker Desktop"}}, "a virtual one"),
        ({"info": {**INFO, "OSType": "windows"}}, "windows containers"),
    ],
)
def test_why_an_engine_cannot_be_used(docker: FakeDocker, plan: dict[str, Any], reason: str) -> None:
    docker.plan(**plan)
    runtime = choose_runtime("auto", "127.0.0.1:4566", "password")
    assert runtime.engine is None
    assert runtime.description.startswith("processes, from snapshots of the build context (")
    assert reason in runtime.description
    with pytest.raises(RuntimeUnavailableError, match="LOCAL_AWS_RUNTIME is docker, but"):
        choose_runtime("docker", "127.0.0.1:4566", "password")


def test_no_docker_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "docker is not installed" in choose_runtime("auto", "127.0.0.1:4566", "password").description
