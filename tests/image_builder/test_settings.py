from pathlib import Path

import pytest
from botocore.loaders import create_loader

from image_builder.context import content_hash
from image_builder.errors import ImageBuilderError
from image_builder.repository import Repository
from image_builder.settings import REPOSITORY_URI, Settings, is_loopback, read_settings
from tests.image_builder.conftest import environment_for, settings_for


def test_reads_the_provisioners_variables(context: Path, repository: Repository) -> None:
    settings = settings_for(context, repository, PATH="/bin", AWS_ENDPOINT_URL="", IMAGE_PLATFORM="linux/arm64")
    assert settings.image_uri == (
        f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository.name}:{content_hash(context)[:16]}"
    )
    assert (settings.registry_id, settings.repository_name) == ("123456789012", repository.name)
    assert (settings.platform, settings.engine, settings.is_local) == ("linux/arm64", "auto", False)


def test_complains_of_everything_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImageBuilderError) as caught:
        read_settings(
            {
                "IMAGE_REPOSITORY_URI": "docker.io/x",
                "BUILD_CONTEXT": str(tmp_path),
                "IMAGE_PLATFORM": "windows/amd64",
                "CONTAINER_ENGINE": "rkt",
                "AWS_ENDPOINT_URL": "http://example.com",
                "AWS_REGION": "us-east-1",
            },
            Settings,
        )
    complaints = str(caught.value).splitlines()
    assert [complaint.partition(":")[0] for complaint in complaints] == [
        "IMAGE_REPOSITORY_URI",
        "IMAGE_TAG",
        "BUILD_CONTEXT",
        "IMAGE_PLATFORM",
        "CONTAINER_ENGINE",
        "AWS_ENDPOINT_URL",
    ]
    assert "docker.io/x" in complaints[0]
    assert "must be a folder that holds a Dockerfile" in complaints[2]


def test_a_context_that_changed_since_the_plan_is_refused(context: Path, repository: Repository) -> None:
    environment = environment_for(context, repository, AWS_REGION="eu-west-1")
    (context / "serve").write_text("changed")
    with pytest.raises(ImageBuilderError) as caught:
        read_settings(environment, Settings)
    assert "AWS_REGION is eu-west-1, but IMAGE_REPOSITORY_URI is in us-east-1" in str(caught.value)
    assert "has changed since the plan was made; plan again" in str(caught.value)


def test_a_tag_may_name_the_platform_behind_the_hash(context: Path, repository: Repository) -> None:
    tag = f"{content_hash(context)[:16]}-arm64"
    assert settings_for(context, repository, IMAGE_TAG=tag).tag == tag


def test_what_this_machine_needs_to_build(context: Path, repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\n")
    settings = settings_for(
        context,
        repository,
        IMAGE_BASE="mirror.example.com/python:3.11@sha256:0b",
        IMAGE_BUILD_NETWORK="host",
        IMAGE_BUILD_SECRETS=f"pip.conf={tmp_path / 'pip.conf'}",
    )
    assert settings.build_options == [
        f"--secret=id=pip.conf,src={tmp_path / 'pip.conf'}",
        "--build-arg=BASE_IMAGE=mirror.example.com/python:3.11@sha256:0b",
        "--network=host",
    ]
    assert settings_for(context, repository).build_options == []


@pytest.mark.parametrize(
    ("secrets", "complaint"),
    [("pip.conf", "must look like"), ("=/etc/hosts", "must look like"), ("pip.conf=/none/such", "no file /none/such")],
)
def test_wrong_secrets(context: Path, repository: Repository, secrets: str, complaint: str) -> None:
    with pytest.raises(ImageBuilderError, match=complaint):
        settings_for(context, repository, IMAGE_BUILD_SECRETS=secrets)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80/x", True),
        ("http://localhost:1", True),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("https://10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_repositories_of_every_partition() -> None:
    for partition in create_loader().load_data("partitions")["partitions"]:
        region = next(region for region in partition["regions"] if not region.endswith("-global"))
        uri = f"123456789012.dkr.ecr.{region}.{partition['outputs']['dnsSuffix']}/server"
        match = REPOSITORY_URI.fullmatch(uri)
        assert match is not None, uri
        assert (match["account"], match["region"], match["name"]) == ("123456789012", region, "server")
    assert REPOSITORY_URI.fullmatch("123456789012.dkr.ecr.us-east-1.example.com/server") is None
