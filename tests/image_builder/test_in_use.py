import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from image_builder.errors import ImageBuilderError
from image_builder.in_use import InUseSettings, keep_images
from image_builder.repository import Repository
from image_builder.settings import read_settings
from tests.image_builder.conftest import ACCOUNT, REGION
from tests.image_builder.test_repository import put

BASE = "multi-model-dev"
OLD, LIVE, NEW = (f"{BASE}-{digit * 12}" for digit in "abc")
OTHER_SHARD = f"{BASE}-2-{'d' * 12}"


class SageMaker:
    """Knows which endpoint configurations exist."""

    def __init__(self, *names: str):
        self.names = names

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        if EndpointConfigName not in self.names:
            error = {
                "Code": "ValidationException",
                "Message": f'Could not find endpoint configuration "{EndpointConfigName}".',
            }
            raise ClientError({"Error": error}, "DescribeEndpointConfig")
        return {"EndpointConfigName": EndpointConfigName}


def settings(repository: Repository, image: str, configuration: str) -> InUseSettings:
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository.name}"
    environ = {
        "IMAGE_URI": f"{uri}{image}",
        "ENDPOINT_CONFIGURATION_NAME": configuration,
        "CONFIGURATIONS_BEGIN_WITH": BASE,
        "AWS_REGION": REGION,
    }
    return read_settings(environ, InUseSettings)


def fill(repository: Repository, *tags: str) -> None:
    """An image of its own for each tag."""
    for number, tag in enumerate(tags):
        digest = repository.upload(json.dumps({"number": number}).encode())
        media_type = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"digest": digest}, "layers": []}
        repository.put_image(tag, json.dumps(manifest), media_type)


def tags_of(repository: Repository) -> list[list[str]]:
    return sorted(sorted(tags) for _, tags in repository.tags())


def test_the_images_of_the_configurations_that_exist_keep_their_tags(repository: Repository, ecr: Any) -> None:
    fill(repository, "one", "two", "three")
    for tag, configuration, existing in (("one", OLD, [OLD]), ("two", LIVE, [OLD, LIVE]), ("three", NEW, [LIVE, NEW])):
        kept = keep_images(settings(repository, f":{tag}", configuration), ecr, SageMaker(*existing))
        assert kept == sorted(f"in-use.{name}" for name in existing)
    assert tags_of(repository) == [[f"in-use.{LIVE}", "two"], [f"in-use.{NEW}", "three"], ["one"]]


def test_going_back_keeps_the_earlier_image_again(repository: Repository, ecr: Any) -> None:
    fill(repository, "one", "two")
    keep_images(settings(repository, ":one", OLD), ecr, SageMaker(OLD))
    keep_images(settings(repository, ":two", NEW), ecr, SageMaker(NEW))
    assert tags_of(repository) == [[f"in-use.{NEW}", "two"], ["one"]]
    keep_images(settings(repository, ":one", OLD), ecr, SageMaker(OLD, NEW))
    keep_images(settings(repository, ":one", OLD), ecr, SageMaker(OLD, NEW))
    assert tags_of(repository) == [[f"in-use.{OLD}", "one"], [f"in-use.{NEW}", "two"]]


def test_the_tags_of_another_shard_and_of_people_stay(repository: Repository, ecr: Any) -> None:
    fill(repository, "one")
    for tag in (f"in-use.{OTHER_SHARD}", "in-use.by-anna"):
        repository.add_tag("one", tag)
    keep_images(settings(repository, ":one", NEW), ecr, SageMaker(NEW))
    assert tags_of(repository) == [["in-use.by-anna", f"in-use.{OTHER_SHARD}", f"in-use.{NEW}", "one"]]


def test_the_last_tag_of_an_image_is_never_removed(repository: Repository, ecr: Any) -> None:
    fill(repository, f"in-use.{OLD}", "two")
    keep_images(settings(repository, ":two", NEW), ecr, SageMaker(NEW))
    assert [f"in-use.{OLD}"] in tags_of(repository)


def test_an_image_may_be_named_by_its_digest(repository: Repository, ecr: Any) -> None:
    put(repository, "one")
    ((digest, _),) = repository.tags()
    assert keep_images(settings(repository, f"@{digest}", NEW), ecr, SageMaker(NEW)) == [f"in-use.{NEW}"]


def test_an_image_that_is_not_there_is_named(repository: Repository, ecr: Any) -> None:
    with pytest.raises(ImageBuilderError, match="has no image gone"):
        keep_images(settings(repository, ":gone", NEW), ecr, SageMaker(NEW))
