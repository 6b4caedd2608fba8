"""The build context itself as an image's only layer: what stands in for an image where there is no container engine.

Only the local AWS runs such a snapshot. Its single layer is a deterministic `.tar.gz` of the context, its
configuration says what the Dockerfile says: labels, entry point, platform.
"""

import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from image_builder.context import DOCKERFILE, context_files
from image_builder.dockerfile import read_dockerfile
from image_builder.repository import Repository
from image_builder.requirements import DOCKER_MANIFEST, ImageDescription, check_image
from model_catalog.packing import ArchiveEntry, write_archive

CONFIG_MEDIA_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_MEDIA_TYPE = "application/vnd.amazon.sagemaker.build-context.v1.tar+gzip"


def push_snapshot(repository: Repository, context: Path, tag: str, platform: str) -> int:
    """Upload the build context under a tag; returns the layer's size in bytes.

    Raises:
        ImageBuilderError: the Dockerfile's labels or entry point are not what SageMaker needs, or the upload failed.
    """
    layer = pack_context(context)
    config = describe_context(context, platform, layer)
    check_image(ImageDescription.from_config(config, DOCKER_MANIFEST), platform, f"The image of {context / DOCKERFILE}")
    config_blob = json.dumps(config, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {
            "mediaType": CONFIG_MEDIA_TYPE,
            "digest": repository.upload(config_blob),
            "size": len(config_blob),
        },
        "layers": [{"mediaType": LAYER_MEDIA_TYPE, "digest": repository.upload(layer), "size": len(layer)}],
    }
    repository.put_image(tag, json.dumps(manifest, sort_keys=True), DOCKER_MANIFEST)
    return len(layer)


def pack_context(context: Path) -> bytes:
    """The context's files as a `.tar.gz`; the same content gives the same bytes."""
    layer = io.BytesIO()
    write_archive(
        (ArchiveEntry(file.path, file.source, file.executable, file.link_target) for file in context_files(context)),
        layer,
    )
    return layer.getvalue()


def describe_context(context: Path, platform: str, layer: bytes) -> dict[str, Any]:
    """The configuration of the snapshot, as an image has it."""
    stage = read_dockerfile((context / DOCKERFILE).read_text(encoding="utf-8"))
    operating_system, architecture = platform.split("/")
    return {
        "architecture": architecture,
        "os": operating_system,
        "config": {"Labels": stage.labels, "Entrypoint": stage.entrypoint},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(gzip.decompress(layer)).hexdigest()]},
    }
