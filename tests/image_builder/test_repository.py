import json
from typing import Any

import boto3
import pytest

from image_builder.errors import ImageBuilderError
from image_builder.repository import OCI_MANIFEST, Repository
from image_builder.requirements import DOCKER_MANIFEST
from tests.image_builder.conftest import ACCOUNT, REGION

CONFIG = {"os": "linux", "architecture": "amd64", "config": {"Labels": {"a": "b"}, "Entrypoint": ["x"]}}


def put(repository: Repository, tag: str, media_type: str = DOCKER_MANIFEST) -> None:
    digest = repository.upload(json.dumps(CONFIG).encode())
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"digest": digest}, "layers": []}
    repository.put_image(tag, json.dumps(manifest), media_type)


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_finds_an_image_and_what_it_says_of_itself(repository: Repository, media_type: str) -> None:
    assert repository.find("tag") is None
    put(repository, "tag", media_type)
    image = repository.find("tag")
    assert image is not None
    assert (image.operating_system, image.architecture, image.labels) == ("linux", "amd64", {"a": "b"})
    assert image.manifest_type == media_type
    assert repository.find("other") is None


def test_putting_an_image_twice_changes_nothing(repository: Repository) -> None:
    put(repository, "tag")
    put(repository, "tag")
    assert repository.find("tag") is not None


def test_a_large_layer_arrives_in_parts(repository: Repository, ecr: Any) -> None:
    blob = bytes(range(256)) * 50_000  # 12.8 MB; a part has at most 10 MiB
    digest = repository.upload(blob)
    assert repository._download(digest) == blob


def test_a_layer_that_is_there_is_not_sent_again(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = repository.upload(b"x" * 100)

    def refuse(**_: Any) -> None:
        raise AssertionError("sent again")

    monkeypatch.setattr(repository._client, "initiate_layer_upload", refuse)
    assert repository.upload(b"x" * 100) == digest


def test_an_index_is_refused(repository: Repository) -> None:
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    repository.put_image("tag", json.dumps(index), index["mediaType"])
    with pytest.raises(ImageBuilderError, match="index of several images, which SageMaker rejects"):
        repository.find("tag")


def test_a_login_hides_its_password(repository: Repository) -> None:
    credentials = repository.credentials()
    assert (credentials.username, credentials.registry) == ("AWS", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
    assert credentials.password
    assert credentials.password not in repr(credentials)


def test_a_missing_repository_says_what_to_do(ecr: Any) -> None:
    with pytest.raises(ImageBuilderError, match=r"RepositoryNotFoundException.*apply the repository first"):
        Repository(ecr, ACCOUNT, "missing").find("tag")


def test_an_ecr_that_cannot_be_reached_is_named() -> None:
    client = boto3.client(
        "ecr", region_name=REGION, endpoint_url="http://127.0.0.1:1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with pytest.raises(ImageBuilderError, match=r"looking for tag in name: .*127\.0\.0\.1:1"):
        Repository(client, ACCOUNT, "name").find("tag")


def test_missing_credentials_say_what_to_set(monkeypatch: pytest.MonkeyPatch, ecr_url: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.session.Session().client("ecr", region_name=REGION, endpoint_url=ecr_url)
    with pytest.raises(ImageBuilderError, match="no AWS credentials; set AWS_PROFILE"):
        Repository(client, ACCOUNT, "name").find("tag")
