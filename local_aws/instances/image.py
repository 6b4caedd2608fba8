"""Images in the local ECR: labels, and the build context that a snapshot image carries.

A snapshot is an image with exactly one layer, the build context itself. It is found by URI, fetched by digest,
checked against that digest, and unpacked once; instances run what was pushed, not the working tree.
"""

import hashlib
import json
import re
import shutil
import tarfile
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ..account import ACCOUNT_ID, REGION
from .instance import InstanceError
from .instance_types import find_instance_type

SNAPSHOT_LAYER = "application/vnd.amazon.sagemaker.build-context.v1.tar+gzip"
_URI = re.compile(
    rf"{ACCOUNT_ID}\.dkr\.ecr\.{REGION}\.amazonaws\.com/(?P<repository>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[A-Za-z0-9._-]+)|@(?P<digest>sha256:[0-9a-f]{64}))"
)


class ImageNotFoundError(InstanceError):
    """No such image in the local ECR."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"Requested image {uri} not found.")


@dataclass(frozen=True)
class Image:
    """An image's manifest, addressed by its digest. `manifest_type`: the manifest's media type, as ECR knows it."""

    uri: str
    repository: str
    digest: str
    manifest: dict[str, Any]
    manifest_type: str

    @property
    def is_snapshot(self) -> bool:
        """Whether this is a build context and not a built image."""
        layers = self.manifest.get("layers", [])
        return len(layers) == 1 and layers[0]["mediaType"] == SNAPSHOT_LAYER

    @property
    def resolved_uri(self) -> str:
        return f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{self.repository}@{self.digest}"


class ImageStore:
    """Images of the local ECR. `ecr` is a boto3 client; snapshots are unpacked below `folder`."""

    def __init__(self, ecr: Any, folder: Path) -> None:
        self._ecr = ecr
        self._folder = folder
        self._lock = threading.Lock()

    def resolve(self, uri: str) -> Image:
        """Find an image by tag or digest. Raises ImageNotFoundError."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise ImageNotFoundError(uri)
        image_id = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"]}
        try:
            images = self._ecr.batch_get_image(repositoryName=match["repository"], imageIds=[image_id])["images"]
        except ClientError as error:
            raise ImageNotFoundError(uri) from error
        if not images:
            raise ImageNotFoundError(uri)
        return Image(
            uri,
            match["repository"],
            images[0]["imageId"]["imageDigest"],
            json.loads(images[0]["imageManifest"]),
            images[0]["imageManifestMediaType"],
        )

    def labels(self, image: Image) -> dict[str, str]:
        """The labels in the image's configuration."""
        return self._configuration(image).get("config", {}).get("Labels") or {}

    def check_platform(self, image: Image, instance_type: str) -> None:
        """Raises InstanceError for an image that instances of this type cannot run."""
        size = find_instance_type(instance_type)
        configuration = self._configuration(image)
        platform = f"{configuration.get('os')}/{configuration.get('architecture')}"
        if size is not None and platform != size.platform:
            raise InstanceError(
                f"Image {image.uri} is built for {platform}, but instances of type {instance_type} run {size.platform}."
            )

    def _configuration(self, image: Image) -> dict[str, Any]:
        return json.loads(self._blob(image, image.manifest["config"]["digest"]))

    def snapshot(self, image: Image) -> Path:
        """Folder of the image's build context. Raises InstanceError for an image of another kind or a damaged layer."""
        if not image.is_snapshot:
            raise InstanceError(
                f"Image {image.uri} is no snapshot of a build context, and the local AWS runs processes only. Restart "
                "it where a container engine answers (LOCAL_AWS_RUNTIME=docker), or push the image again without one "
                "(CONTAINER_ENGINE=none)."
            )
        digest = image.manifest["layers"][0]["digest"]
        folder = self._folder / digest.removeprefix("sha256:")
        with self._lock:
            if not folder.exists():
                self._unpack(self._blob(image, digest), folder)
        if not (folder / "serve").is_file():
            raise InstanceError(f"Image {image.uri} has no file `serve` at the root of its build context.")
        return folder

    def _blob(self, image: Image, digest: str) -> bytes:
        url = self._ecr.get_download_url_for_layer(repositoryName=image.repository, layerDigest=digest)["downloadUrl"]
        # The local AWS itself: never through a proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=60) as answer:
            content = answer.read()
        found = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if found != digest:
            raise InstanceError(f"Layer {digest} of image {image.uri} is damaged: its content has digest {found}.")
        return content

    def _unpack(self, content: bytes, folder: Path) -> None:
        temporary = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(temporary, ignore_errors=True)
        archive = folder.with_suffix(".tar.gz")
        archive.write_bytes(content)
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter="data")
        except tarfile.TarError as error:
            raise InstanceError(f"Snapshot {folder.name} cannot be unpacked: {error}") from error
        finally:
            archive.unlink()
        temporary.rename(folder)
