import json
from pathlib import Path

import pytest

from image_builder.engines import Engine, find_engine
from image_builder.errors import CommandError, ImageBuilderError
from image_builder.repository import Credentials
from tests.image_builder.conftest import FakeEngines

CREDENTIALS = Credentials("https://registry.example", "AWS", "the-password")
REFERENCE = "registry.example/name:tag"


def test_the_first_engine_that_answers_is_taken(engines: FakeEngines) -> None:
    engines.install("finch", "podman")
    engine, reason = find_engine("auto", print)
    assert engine is not None
    assert (engine.name, reason) == ("podman", "")
    assert [call["engine"] for call in engines.calls] == ["podman"]


def test_a_set_engine_is_taken(engines: FakeEngines) -> None:
    engines.install("docker", "finch")
    engine, _ = find_engine("finch", print)
    assert engine is not None
    assert engine.name == "finch"


def test_why_there_is_none(engines: FakeEngines) -> None:
    engines.install("docker")
    engines.plan(info_exit_code=1)
    assert find_engine("auto", print) == (
        None,
        "docker is installed but does not answer: Cannot connect to the daemon; podman is not installed; "
        "finch is not installed",
    )
    assert find_engine("none", print) == (None, "CONTAINER_ENGINE is none")


def test_an_engine_that_hangs(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_builder.engines._ASK_TIMEOUT_SECONDS", 0.2)
    engines.install("docker")
    engines.plan(hangs=True)
    assert find_engine("docker", print) == (None, "docker info: no answer within 0.2 s")
    with pytest.raises(ImageBuilderError, match=r"docker image: no answer within 0\.2 s"):
        Engine("docker", print).inspect(REFERENCE)


def test_the_reason_is_found_among_other_lines(engines: FakeEngines) -> None:
    engines.install("docker")
    engines.plan(info_exit_code=1, info_lines=["Server:", "ERROR: Cannot connect to the one", "Images: 0"])
    assert find_engine("docker", print)[1] == "docker is installed but does not answer: Cannot connect to the one"


def test_builds_one_plain_image(engines: FakeEngines, docker: Engine, context: Path, lines: list[str]) -> None:
    docker.build(context, REFERENCE, "linux/amd64", {"a": "b c"})
    [build] = [
        call
        for call in engines.calls_of("buildx")
        if "version" not in call["arguments"] and "--help" not in call["arguments"]
    ]
    assert build["arguments"] == [
        "buildx", "build", "--output=type=docker,oci-mediatypes=false",
        "--platform=linux/amd64", f"--tag={REFERENCE}", "--label=a=b c",
        "--provenance=false", "--sbom=false", "--progress=plain", str(context),
    ]  # fmt: skip
    assert lines == ["step 1", "step 2"]


def test_podman_builds_in_dockers_format(engines: FakeEngines, context: Path) -> None:
    engines.install("podman")
    Engine("podman", print).build(context, REFERENCE, "linux/amd64", {})
    assert engines.calls[-1]["arguments"][:1] == ["build"]
    assert "--format=docker" in engines.calls[-1]["arguments"]


def test_the_classic_builder_gets_only_what_it_knows(engines: FakeEngines, docker: Engine, context: Path) -> None:
    engines.plan(buildx=False)
    docker.build(context, REFERENCE, "linux/amd64", {})
    assert engines.calls[-1]["arguments"] == ["build", "--platform=linux/amd64", f"--tag={REFERENCE}", str(context)]


def test_a_failed_build_gives_its_exit_code_and_last_lines(engines: FakeEngines, docker: Engine, context: Path) -> None:
    engines.plan(build_exit_code=17, build_lines=[f"line {number}" for number in range(100)])
    with pytest.raises(CommandError) as caught:
        docker.build(context, REFERENCE, "linux/amd64", {})
    assert caught.value.exit_code == 17
    assert caught.value.last_lines == tuple(f"line {number}" for number in range(80, 100))
    assert "docker build failed with exit code 17" in str(caught.value)
    assert "line 99" in str(caught.value)


def test_inspects_a_built_image(engines: FakeEngines, docker: Engine) -> None:
    engines.plan(architecture="arm64", labels={"a": "b"})
    image, size_bytes = docker.inspect(REFERENCE)
    assert (image.operating_system, image.architecture, image.labels, size_bytes) == (
        "linux",
        "arm64",
        {"a": "b"},
        300 << 20,
    )


def test_the_password_goes_through_standard_input_only(engines: FakeEngines, docker: Engine, lines: list[str]) -> None:
    docker.push(REFERENCE, CREDENTIALS)
    [login] = engines.calls_of("login")
    assert login["arguments"] == ["login", "--username", "AWS", "--password-stdin", "registry.example"]
    assert login["standard_input"] == "the-password"
    assert "the-password" not in json.dumps([call["arguments"] for call in engines.calls])
    assert "the-password" not in "".join(lines)


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_the_login_leaves_nothing_behind(engines: FakeEngines, name: str) -> None:
    engines.install(name)
    Engine(name, print).push(REFERENCE, CREDENTIALS)
    stored_in = Path(engines.calls_of("login")[0]["login_stored_in"])
    assert stored_in.parent != Path.home()
    assert not stored_in.exists()


def test_the_push_uses_the_same_docker_context(
    engines: FakeEngines, docker: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured = tmp_path / "docker-config"
    (configured / "contexts").mkdir(parents=True)
    (configured / "config.json").write_text('{"currentContext": "colima", "credsStore": "desktop"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(configured))
    with docker._login_environment() as environment:
        folder = Path(environment["DOCKER_CONFIG"])
        assert folder != configured
        assert json.loads((folder / "config.json").read_text()) == {"currentContext": "colima"}
        assert (folder / "contexts").resolve() == configured / "contexts"
    assert (configured / "contexts").is_dir()


def test_a_push_that_broke_off_is_tried_again(engines: FakeEngines, docker: Engine, lines: list[str]) -> None:
    engines.plan(push_failures=["write tcp: connection reset by peer", "EOF"])
    docker.push(REFERENCE, CREDENTIALS)
    assert len(engines.calls_of("push")) == 3
    assert len(engines.calls_of("login")) == 1
    assert [line for line in lines if "broke off" in line] == ["The push broke off; next attempt in 0 s."] * 2


@pytest.mark.parametrize(
    ("failures", "attempts"),
    [
        (["EOF"] * 9, 3),
        (["denied: requested access to the resource is denied"] * 9, 1),
        (["no space left on device"] * 9, 1),
    ],
)
def test_a_push_that_cannot_succeed_ends(
    engines: FakeEngines, docker: Engine, failures: list[str], attempts: int
) -> None:
    engines.plan(push_failures=failures)
    with pytest.raises(CommandError, match="docker push failed with exit code 1") as caught:
        docker.push(REFERENCE, CREDENTIALS)
    assert failures[0] in str(caught.value)
    assert len(engines.calls_of("push")) == attempts


def test_an_answer_that_is_no_inspection_is_an_error(engines: FakeEngines, docker: Engine) -> None:
    engines.plan(labels=None, architecture=None)
    image, _ = docker.inspect(REFERENCE)
    assert image.architecture == "unknown"
    (engines.binaries / "docker").write_text("#!/bin/sh\necho nonsense\n")
    with pytest.raises(ImageBuilderError, match="gave no readable answer"):
        docker.inspect(REFERENCE)
