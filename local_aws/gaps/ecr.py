"""Amazon ECR: layers that keep their bytes, and digests that are those of the content.

moto computes a layer's digest and forgets the bytes, makes up image digests, and has no GetDownloadUrlForLayer.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html
"""

import base64
import json
import time
from typing import Any

from moto.ecr.models import ECRBackend, Repository, ecr_backends

from ..access_key import KeyRing
from ..account import ACCOUNT_ID, REGION
from ..blobs import BlobStore, digest_of
from .errors import GapError

REGISTRY_PURPOSE = "registry"
"""Of the token (see KeyRing) that is the registry's password."""

_TOKEN_SECONDS = 12 * 3600


class EcrGaps:
    """The ECR calls answered or completed here. Handlers take the request's members.

    They return the response, or None to let moto go on with the (possibly completed) request.
    """

    def __init__(self, blobs: BlobStore, base_url: str, keys: KeyRing, *, has_registry: bool) -> None:
        self._blobs = blobs
        self._base_url = base_url
        self._keys = keys
        self._has_registry = has_registry

    def get_authorization_token(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The registry to push to: the local AWS itself where it can run images, else AWS's (moto's answer), which
        the image builder takes as the sign to push a snapshot of the build context instead."""
        if not self._has_registry:
            return None
        token = base64.b64encode(f"AWS:{self._keys.token_for(REGISTRY_PURPOSE)}".encode()).decode()
        expires_at = time.time() + _TOKEN_SECONDS
        authorization = {"authorizationToken": token, "expiresAt": expires_at, "proxyEndpoint": self._base_url}
        return {"authorizationData": [authorization]}

    def get_download_url_for_layer(self, request: dict[str, Any]) -> dict[str, Any]:
        repository, digest = find_repository(request["repositoryName"]), request["layerDigest"]
        if digest not in repository.layers or self._blobs.find(digest) is None:
            raise GapError(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist in the repository with name "
                f"'{repository.name}' in the registry with id '{ACCOUNT_ID}'",
            )
        url = f"{self._base_url}/_local/blobs/{digest}?token={self._keys.token_for(digest)}"
        return {"downloadUrl": url, "layerDigest": digest}

    def complete_layer_upload(self, request: dict[str, Any]) -> None:
        repository = find_repository(request["repositoryName"])
        upload = repository.uploads.get(request["uploadId"])
        if upload is None:
            return  # moto answers UploadNotFoundException
        content = bytes(upload.layer_parts)
        if not content:
            raise GapError("EmptyUploadException", "The specified layer upload does not contain any layer parts.")
        digest = digest_of(content)
        if request["layerDigests"] != [digest]:
            raise GapError(
                "InvalidLayerException",
                f"The layer digest calculation performed by Amazon ECR upon receipt of the image layer ({digest}) "
                f"does not match the digest specified ({', '.join(request['layerDigests'])}).",
            )
        if digest in repository.layers:
            del repository.uploads[request["uploadId"]]
            raise GapError(
                "LayerAlreadyExistsException",
                f"Image layer with digest '{digest}' already exists in the repository with name "
                f"'{repository.name}' in the registry with id '{ACCOUNT_ID}'",
            )
        self._blobs.put(content)

    def put_image(self, request: dict[str, Any]) -> None:
        repository = find_repository(request["repositoryName"])
        try:
            manifest = json.loads(request["imageManifest"])
        except ValueError as error:
            raise GapError(
                "InvalidParameterException",
                "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
            ) from error
        blobs = [blob["digest"] for blob in (manifest.get("config"), *manifest.get("layers", [])) if blob]
        missing = [digest for digest in blobs if digest not in repository.layers]
        if missing:
            raise GapError(
                "LayersNotFoundException",
                f"The following layer digests do not exist in the repository with name '{repository.name}': "
                f"{', '.join(missing)}",
            )
        digest = digest_of(request["imageManifest"].encode())
        if request.setdefault("imageDigest", digest) != digest:
            raise GapError(
                "ImageDigestDoesNotMatchException",
                f"The specified image digest '{request['imageDigest']}' does not match the digest that Amazon ECR "
                f"calculated for the image ('{digest}').",
            )
        tag = request.get("imageTag")
        holders = [image.image_digest for image in repository.images if tag is not None and tag in image.image_tags]
        if repository.is_tag_immutable() and holders and holders != [digest]:
            # moto answers as if it were the same image.
            raise GapError(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
                "because the repository is immutable.",
            )


def all_layers() -> set[str]:
    """Digests of the layers of all repositories."""
    backend: ECRBackend = ecr_backends[ACCOUNT_ID][REGION]
    return {digest for repository in backend.repositories.values() for digest in repository.layers}


def find_repository(name: str) -> Repository:
    """moto's repository. Raises GapError where there is none of this name."""
    backend: ECRBackend = ecr_backends[ACCOUNT_ID][REGION]
    if name not in backend.repositories:
        raise GapError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT_ID}'",
        )
    return backend.repositories[name]
