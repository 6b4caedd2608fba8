import dataclasses
from pathlib import Path
from typing import Any

import pytest

from image_builder.builder import build_and_push
from image_builder.context import content_hash
from image_builder.engines import Engine
from image_builder.errors import CommandError, ImageBuilderError
from image_builder.repository import Repository
from image_builder.requirements import REQUIRED_LABELS
from image_builder.snapshot import push_snapshot
from tests.image_builder.conftest import FakeEngines, settings_for


def test_on_aws_the_image_is_built_checked_and_pushed(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    engines.install("docker")
    settings = settings_for(context, repository)
    build_and_push(settings, repository, lines.append)
    commands = [call["arguments"][0] for call in engines.calls if "--help" not in call["arguments"]]
    assert commands == ["info", "buildx", "buildx", "image", "login", "push"]
    [build] = [call["arguments"] for call in engines.calls_of("buildx") if str(context) in call["arguments"]]
    assert f"--tag={settings.image_uri}" in build
    assert f"--label=org.opencontainers.image.revision={content_hash(context)}" in build
    assert engines.calls_of("push")[0]["arguments"] == ["push", settings.image_uri]
    assert engines.calls_of("login")[0]["arguments"][-1] == "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert lines[-1] == f"Pushed {settings.image_uri}."
    assert any("300 MiB" in line for line in lines)


def test_nothing_is_done_where_the_tag_is_there(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    engines.install("docker")
    settings = settings_for(context, repository)
    push_snapshot(repository, context, settings.tag, settings.platform)
    build_and_push(settings, repository, lines.append)
    assert engines.calls == []
    assert lines == [f"{settings.image_uri} is in the repository already: nothing to build."]


def test_an_image_that_is_there_but_wrong_fails(context: Path, repository: Repository, lines: list[str]) -> None:
    settings = settings_for(context, repository)
    push_snapshot(repository, context, settings.tag, "linux/arm64")
    with pytest.raises(ImageBuilderError, match="its platform is linux/arm64, the endpoint needs linux/amd64"):
        build_and_push(settings, repository, lines.append)


@pytest.mark.parametrize("behaviour", [{"labels": {}}, {"architecture": "arm64"}])
def test_a_wrong_image_is_never_pushed(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str], behaviour: dict[str, Any]
) -> None:
    engines.install("docker")
    engines.plan(**behaviour)
    with pytest.raises(ImageBuilderError, match="cannot serve a multi-model endpoint"):
        build_and_push(settings_for(context, repository), repository, lines.append)
    assert engines.calls_of("push") == []


def test_on_aws_without_an_engine_there_is_one_line_with_the_alternative(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    with pytest.raises(ImageBuilderError) as caught:
        build_and_push(settings_for(context, repository), repository, lines.append)
    message = str(caught.value)
    assert "\n" not in message
    assert "docker is not installed; podman is not installed; finch is not installed" in message
    assert "build the image in CI and name it in the setting `image.prebuilt_uri`" in message
    assert repository.find(settings_for(context, repository).tag) is None


def test_a_set_engine_that_is_missing_is_an_error_even_locally(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    settings = settings_for(context, repository, CONTAINER_ENGINE="podman", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    with pytest.raises(ImageBuilderError, match="CONTAINER_ENGINE is podman, but podman is not installed"):
        build_and_push(settings, repository, lines.append)


@pytest.mark.parametrize("engine", ["auto", "none"])
def test_locally_without_an_engine_the_context_is_pushed_and_that_is_said(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str], engine: str
) -> None:
    settings = settings_for(context, repository, CONTAINER_ENGINE=engine, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    build_and_push(settings, repository, lines.append)
    [line] = lines
    assert line.startswith("NO IMAGE WAS BUILT")
    assert "runs exactly this snapshot, not the working tree" in line
    image = repository.find(settings.tag)
    assert image is not None
    assert image.labels == REQUIRED_LABELS
    build_and_push(settings, repository, lines.append)
    assert "nothing to build" in lines[-1]


def test_locally_an_engine_without_a_registry_to_push_to_is_not_used(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    engines.install("docker")
    settings = settings_for(context, repository, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    build_and_push(settings, repository, lines.append)
    assert "docker is there, but the local AWS runs no registry" in lines[0]
    assert [call["arguments"] for call in engines.calls] == [["info"]]


def test_locally_the_image_goes_to_the_registry_of_this_machine(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines.install("docker")
    login = dataclasses.replace(repository.credentials(), registry_url="http://127.0.0.1:5000")
    monkeypatch.setattr(repository, "credentials", lambda: login)
    settings = settings_for(context, repository, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    build_and_push(settings, repository, lines.append)
    pushed = f"127.0.0.1:5000/{repository.name}:{settings.tag}"
    assert engines.calls_of("tag")[0]["arguments"] == ["tag", settings.image_uri, pushed]
    assert engines.calls_of("push")[0]["arguments"] == ["push", pushed]
    assert engines.calls[-1]["arguments"] == ["image", "rm", pushed], "the second name does not stay"


def test_losing_a_race_against_another_deployment_is_no_failure(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    engines.install("docker")
    engines.plan(push_failures=["tag invalid: the image tag is immutable"])
    settings = settings_for(context, repository)

    class Winner(Engine):
        def push(self, *arguments: Any) -> None:
            push_snapshot(repository, context, settings.tag, settings.platform)
            super().push(*arguments)

    build_and_push(settings, repository, lines.append, lambda *_: (Winner("docker", lines.append), ""))
    assert lines[-1] == f"{settings.image_uri} was pushed by another deployment in the meantime."


def test_a_push_that_failed_leaves_no_tag(
    context: Path, repository: Repository, engines: FakeEngines, lines: list[str]
) -> None:
    engines.install("docker")
    engines.plan(push_failures=["denied"])
    settings = settings_for(context, repository)
    with pytest.raises(CommandError):
        build_and_push(settings, repository, lines.append)
    assert repository.find(settings.tag) is None
