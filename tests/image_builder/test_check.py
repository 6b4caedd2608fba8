import json
import subprocess
from typing import Any

import pytest

from image_builder.check import CheckSettings, check_prebuilt
from image_builder.errors import ImageBuilderError
from image_builder.repository import OCI_MANIFEST, Repository
from image_builder.requirements import DOCKER_MANIFEST, REQUIRED_LABELS
from image_builder.settings import read_settings
from tests.image_builder.conftest import ACCOUNT, REGION, run_program

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
GOOD = {"os": "linux", "architecture": "amd64", "config": {"Labels": REQUIRED_LABELS, "Entrypoint": ["/serve"]}}


def put(repository: Repository, tag: str, config: dict[str, Any], manifest_type: str = DOCKER_MANIFEST) -> str:
    """Push a manifest with this configuration; returns its digest."""
    config_digest = repository.upload(json.dumps(config).encode())
    manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": {"digest": config_digest}, "layers": []}
    repository.put_image(tag, json.dumps(manifest), manifest_type)
    return repository._client.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": tag}])["images"][
        0
    ]["imageId"]["imageDigest"]


def settings(uri: str, platform: str = "linux/amd64") -> CheckSettings:
    return read_settings({"IMAGE_URI": uri, "IMAGE_PLATFORM": platform, "AWS_REGION": REGION}, CheckSettings)


def test_a_good_image_by_tag_and_by_digest(repository: Repository, ecr: Any) -> None:
    digest = put(repository, "1.0", GOOD)
    check_prebuilt(settings(f"{REGISTRY}/{repository.name}:1.0"), ecr)
    check_prebuilt(settings(f"{REGISTRY}/{repository.name}@{digest}"), ecr)


@pytest.mark.parametrize(
    ("config", "platform", "complaint"),
    [
        (GOOD, "linux/arm64", "its platform is linux/amd64, the endpoint needs linux/arm64"),
        (GOOD | {"config": {"Entrypoint": ["/serve"]}}, "linux/amd64", "capabilities.multi-models=true is missing"),
        (GOOD | {"config": {"Labels": REQUIRED_LABELS}}, "linux/amd64", "it has no ENTRYPOINT"),
    ],
)
def test_an_image_that_sagemaker_would_refuse(
    repository: Repository, ecr: Any, config: dict[str, Any], platform: str, complaint: str
) -> None:
    put(repository, "1.0", config)
    with pytest.raises(ImageBuilderError, match=complaint):
        check_prebuilt(settings(f"{REGISTRY}/{repository.name}:1.0", platform), ecr)


def test_a_manifest_that_sagemaker_would_refuse(repository: Repository, ecr: Any) -> None:
    put(repository, "1.0", GOOD | {"architecture": "arm64"}, OCI_MANIFEST)
    with pytest.raises(ImageBuilderError) as caught:
        check_prebuilt(settings(f"{REGISTRY}/{repository.name}:1.0"), ecr)
    assert f"its manifest is of the media type {OCI_MANIFEST}, and SageMaker takes {DOCKER_MANIFEST}" in str(
        caught.value
    )
    assert "its platform is linux/arm64" in str(caught.value)


def test_an_image_that_is_not_there(repository: Repository, ecr: Any) -> None:
    with pytest.raises(ImageBuilderError, match=r":2\.0 is not in its repository; push it"):
        check_prebuilt(settings(f"{REGISTRY}/{repository.name}:2.0"), ecr)


def test_every_complaint_at_once() -> None:
    with pytest.raises(ImageBuilderError) as caught:
        read_settings({"IMAGE_URI": "docker.io/a:1", "AWS_ENDPOINT_URL": "http://example.com"}, CheckSettings)
    complaints = str(caught.value).splitlines()
    names = ["IMAGE_URI", "IMAGE_PLATFORM", "AWS_REGION", "AWS_ENDPOINT_URL"]
    assert [complaint.partition(":")[0] for complaint in complaints] == names


def run(uri: str, ecr_url: str) -> subprocess.CompletedProcess[str]:
    variables = {"IMAGE_URI": uri, "IMAGE_PLATFORM": "linux/amd64", "AWS_REGION": REGION, "AWS_ENDPOINT_URL": ecr_url}
    return run_program("image_builder.check", variables)


def test_as_the_provisioner_runs_it(repository: Repository, ecr_url: str) -> None:
    put(repository, "1.0", GOOD)
    uri = f"{REGISTRY}/{repository.name}:1.0"
    done = run(uri, ecr_url)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"{uri} can serve a multi-model endpoint on linux/amd64.\n",
        "",
    )
    done = run(f"{uri}1", ecr_url)
    assert (done.returncode, done.stderr[:32]) == (1, f"image_builder: {uri}"[:32])
    assert "Traceback" not in done.stderr
