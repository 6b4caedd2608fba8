import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from image_builder.errors import ImageBuilderError
from image_builder.repository import Repository
from image_builder.requirements import DOCKER_MANIFEST, REQUIRED_LABELS
from image_builder.snapshot import CONFIG_MEDIA_TYPE, LAYER_MEDIA_TYPE, pack_context, push_snapshot
from tests.image_builder.conftest import ACCOUNT


def test_the_layer_is_the_context_and_nothing_else(context: Path) -> None:
    (context / "link").symlink_to("serve")
    (context / ".dockerignore").write_text("server\n")
    with tarfile.open(fileobj=io.BytesIO(pack_context(context)), mode="r:gz") as archive:
        members = {member.name: member for member in archive}
        assert list(members) == [".dockerignore", "Dockerfile", "link", "serve"]
        assert {name: member.mode for name, member in members.items()} == {
            ".dockerignore": 0o644,
            "Dockerfile": 0o644,
            "link": 0o777,
            "serve": 0o755,
        }
        assert members["link"].linkname == "serve"
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, 0, "")}
        file = archive.extractfile("serve")
        assert file is not None
        assert file.read() == b"#!/bin/sh\n"


def test_the_same_content_gives_the_same_bytes(context: Path) -> None:
    before = pack_context(context)
    os.utime(context / "serve", (1, 1))
    (context / "server" / "main.py").chmod(0o640)
    assert pack_context(context) == before


def test_what_is_pushed_is_an_image_of_one_layer(context: Path, repository: Repository, ecr: Any) -> None:
    size_bytes = push_snapshot(repository, context, "tag", "linux/arm64")
    image = ecr.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": "tag"}])["images"][0]
    assert image["imageManifestMediaType"] == DOCKER_MANIFEST
    manifest = json.loads(image["imageManifest"])
    layer = pack_context(context)
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == DOCKER_MANIFEST
    assert manifest["layers"] == [
        {
            "mediaType": LAYER_MEDIA_TYPE,
            "digest": "sha256:" + hashlib.sha256(layer).hexdigest(),
            "size": len(layer),
        }
    ]
    assert size_bytes == len(layer)
    assert manifest["config"]["mediaType"] == CONFIG_MEDIA_TYPE
    blobs = [manifest["config"], *manifest["layers"]]
    known = ecr.batch_check_layer_availability(
        registryId=ACCOUNT, repositoryName=repository.name, layerDigests=[blob["digest"] for blob in blobs]
    )
    assert [layer["layerSize"] for layer in known["layers"]] == [blob["size"] for blob in blobs]
    config = json.loads(repository._download(manifest["config"]["digest"]))
    assert (config["os"], config["architecture"]) == ("linux", "arm64")
    assert config["config"] == {"Labels": REQUIRED_LABELS, "Entrypoint": ["/serve"]}
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(gzip.decompress(layer)).hexdigest()]


def test_a_dockerfile_without_the_labels_is_not_pushed(context: Path, repository: Repository) -> None:
    (context / "Dockerfile").write_text('FROM base\nENTRYPOINT ["/serve"]\n')
    with pytest.raises(ImageBuilderError, match="multi-models=true is missing"):
        push_snapshot(repository, context, "tag", "linux/amd64")
    assert repository.find("tag") is None
