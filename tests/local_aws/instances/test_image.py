"""Images found by URI, fetched by digest, unpacked once."""

import json
from pathlib import Path
from typing import Any

import pytest

from image_builder.requirements import DOCKER_MANIFEST
from local_aws.blobs import BlobStore, digest_of
from local_aws.instances.image import SNAPSHOT_LAYER, ImageNotFoundError, ImageStore
from local_aws.instances.instance import InstanceError
from tests.local_aws.account import FAKE_CONTAINER, Account, unique


@pytest.fixture
def store(account: Account, tmp_path: Path) -> ImageStore:
    return ImageStore(account.ecr, tmp_path)


@pytest.mark.parametrize(
    "uri",
    [
        "python:3.11",
        "999999999999.dkr.ecr.us-east-1.amazonaws.com/fake:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/fake:no-such-tag",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/no-such-repository:1",
    ],
)
def test_no_such_image(store: ImageStore, uri: str) -> None:
    with pytest.raises(ImageNotFoundError, match=f"Requested image {uri} not found."):
        store.resolve(uri)


def test_by_tag_and_by_digest(account: Account, store: ImageStore) -> None:
    by_tag = store.resolve(account.fake_image)
    by_digest = store.resolve(by_tag.resolved_uri)
    assert by_tag.digest == by_digest.digest
    assert store.labels(by_digest)["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def test_snapshot_is_what_was_pushed(account: Account, store: ImageStore) -> None:
    folder = store.snapshot(store.resolve(account.fake_image))
    assert (folder / "serve").read_bytes() == (FAKE_CONTAINER / "serve").read_bytes()
    assert (folder / "serve").stat().st_mode & 0o100
    unpacked = (folder / "serve").stat().st_mtime_ns
    assert store.snapshot(store.resolve(account.fake_image)) == folder
    assert (folder / "serve").stat().st_mtime_ns == unpacked


def test_context_without_serve(account: Account, store: ImageStore, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text((FAKE_CONTAINER / "Dockerfile").read_text())
    repository = unique("repository")
    account.ecr.create_repository(repositoryName=repository)
    image = store.resolve(account.push(context, repository, "1"))
    with pytest.raises(InstanceError, match="has no file `serve`"):
        store.snapshot(image)


class FakeEcr:
    """An ECR with one image, whose blobs are served from files."""

    def __init__(self, blobs: BlobStore, manifest: dict[str, Any]) -> None:
        self._blobs = blobs
        self._manifest = manifest

    def batch_get_image(self, **_: Any) -> dict[str, Any]:
        text = json.dumps(self._manifest)
        found = {"imageManifest": text, "imageId": {"imageDigest": digest_of(text.encode())}}
        return {"images": [found | {"imageManifestMediaType": DOCKER_MANIFEST}]}

    def get_download_url_for_layer(self, *, layerDigest: str, **_: Any) -> dict[str, Any]:
        path = self._blobs.find(layerDigest)
        assert path is not None
        return {"downloadUrl": path.as_uri()}


def test_damaged_layer_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    blobs = BlobStore(tmp_path / "blobs")
    digest = blobs.put(b"layer")
    path = blobs.find(digest)
    assert path is not None
    path.write_bytes(b"other")
    manifest = {"config": {}, "layers": [{"mediaType": SNAPSHOT_LAYER, "digest": digest}]}
    store = ImageStore(FakeEcr(blobs, manifest), tmp_path)
    image = store.resolve("123456789012.dkr.ecr.us-east-1.amazonaws.com/r:1")
    with pytest.raises(InstanceError, match=f"Layer {digest} of image .* is damaged"):
        store.snapshot(image)
