"""The registry of the local ECR, for `docker push` and `docker pull`: the distribution protocol in front of ECR.

Layers lie in the blob store, manifests go through ECR's own API, so that what is pushed here is an image of the ECR
repository with its immutable tags, and the other way round. The login is what GetAuthorizationToken gives.
https://distribution.github.io/distribution/spec/api/
"""

import asyncio
import base64
import binascii
import errno
import re
import secrets
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from .access_key import KeyRing
from .blobs import BlobStore, BlobWriter, digest_of
from .gaps.ecr import REGISTRY_PURPOSE, find_repository
from .gaps.errors import GapError

_NAME = r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_UPLOADS = re.compile(rf"/v2/{_NAME}/blobs/uploads/?")
_UPLOAD = re.compile(rf"/v2/{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]{{32}})")
_BLOB = re.compile(rf"/v2/{_NAME}/blobs/(?P<digest>sha256:[0-9a-f]{{64}})")
_MANIFEST = re.compile(rf"/v2/{_NAME}/manifests/(?P<reference>[A-Za-z0-9_][A-Za-z0-9._:-]*)")
_MAX_MANIFEST_BYTES = 4 << 20
_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# ECR's error codes as the protocol words them. https://distribution.github.io/distribution/spec/api/#errors
_CODES = {
    "RepositoryNotFoundException": (HTTPStatus.NOT_FOUND, "NAME_UNKNOWN"),
    "ImageNotFoundException": (HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN"),
    "LayersNotFoundException": (HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN"),
    "ImageTagAlreadyExistsException": (HTTPStatus.FORBIDDEN, "DENIED"),
}


class RegistryError(Exception):
    """An answer of the protocol that is no success."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(message)


class Registry:
    """Answers requests below /v2/. `ecr` is a boto3 client of the local AWS itself."""

    def __init__(self, blobs: BlobStore, ecr: Any, keys: KeyRing) -> None:
        self._blobs = blobs
        self._keys = keys
        self._ecr = ecr
        self._uploads: dict[str, BlobWriter] = {}

    async def answer(self, request: Request) -> Response:
        if not self._is_logged_in(request):
            answer = _error(
                HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "log in with what ECR's GetAuthorizationToken gives"
            )
            answer.headers["WWW-Authenticate"] = 'Basic realm="local ECR"'
            return answer
        try:
            answer = await self._route(request)
        except RegistryError as error:
            answer = _error(error.status, error.code, error.message)
        except GapError as error:
            answer = _error(*_CODES.get(error.code, (HTTPStatus.BAD_REQUEST, "UNSUPPORTED")), error.message)
        except ClientError as error:
            details = error.response["Error"]
            answer = _error(*_CODES.get(details["Code"], (HTTPStatus.BAD_REQUEST, "UNSUPPORTED")), details["Message"])
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # Not a 5xx: docker would try again for minutes, and not show the reason.
            answer = _error(HTTPStatus.FORBIDDEN, "DENIED", "the local AWS's disk is full: no space left on device")
        answer.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return answer

    def _is_logged_in(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            login = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        password = login.partition(":")[2]
        return scheme.lower() == "basic" and self._keys.accepts_token(password, REGISTRY_PURPOSE)

    async def _route(self, request: Request) -> Response:
        method, path = request.method, request.url.path
        if path.rstrip("/") == "/v2":
            return Response("{}", media_type="application/json")
        if match := _UPLOADS.fullmatch(path):
            if method == "POST":
                return await self._start_upload(match["name"])
        elif match := _UPLOAD.fullmatch(path):
            if method in ("PATCH", "PUT"):
                return await self._receive(request, match["name"], match["upload"])
        elif match := _BLOB.fullmatch(path):
            if method in ("GET", "HEAD"):
                return await self._blob(match["name"], match["digest"])
        elif match := _MANIFEST.fullmatch(path):
            if method in ("GET", "HEAD"):
                return await self._manifest(match["name"], match["reference"])
            if method == "PUT":
                return await self._put_manifest(request, match["name"], match["reference"])
        raise RegistryError(HTTPStatus.NOT_FOUND, "UNSUPPORTED", f"the local ECR does not answer {method} {path}")

    async def _start_upload(self, name: str) -> Response:
        find_repository(name)  # an unknown repository is refused before its bytes come
        upload = secrets.token_hex(16)
        self._uploads[upload] = self._blobs.writer()
        return _upload_answer(HTTPStatus.ACCEPTED, name, upload, 0)

    async def _receive(self, request: Request, name: str, upload: str) -> Response:
        """A part of a layer (PATCH), or its last one (PUT with the digest)."""
        writer = self._uploads.get(upload)
        if writer is None:
            raise RegistryError(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", f"there is no upload {upload}")
        try:
            async for chunk in request.stream():
                await asyncio.to_thread(writer.write, chunk)
        except (OSError, ClientDisconnect):
            del self._uploads[upload]
            writer.discard()
            raise
        if request.method == "PATCH":
            return _upload_answer(HTTPStatus.ACCEPTED, name, upload, writer.size_bytes)
        del self._uploads[upload]
        digest, expected = writer.digest, request.query_params.get("digest")
        if digest != expected:
            writer.discard()
            raise RegistryError(
                HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", f"the content's digest is {digest}, not {expected}"
            )
        writer.keep()
        find_repository(name).layers[digest] = writer.size_bytes
        return Response(
            status_code=HTTPStatus.CREATED,
            headers={"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest},
        )

    async def _blob(self, name: str, digest: str) -> Response:
        path = self._blobs.find(digest) if digest in find_repository(name).layers else None
        if path is None:
            raise RegistryError(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", f"{name} has no layer {digest}")
        headers = {"Docker-Content-Digest": digest}
        return FileResponse(path, media_type="application/octet-stream", headers=headers)

    async def _manifest(self, name: str, reference: str) -> Response:
        image_id = {"imageDigest" if ":" in reference else "imageTag": reference}
        images = (await asyncio.to_thread(self._ecr.batch_get_image, repositoryName=name, imageIds=[image_id]))[
            "images"
        ]
        if not images:
            raise RegistryError(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", f"{name} has no image {reference}")
        manifest = images[0]["imageManifest"]
        return Response(
            manifest,
            media_type=images[0]["imageManifestMediaType"],
            headers={"Docker-Content-Digest": digest_of(manifest.encode())},
        )

    async def _put_manifest(self, request: Request, name: str, tag: str) -> Response:
        if ":" in tag:
            raise RegistryError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", "push the image with a tag")
        media_type = request.headers.get("content-type", "")
        if media_type not in _MANIFEST_TYPES:
            raise RegistryError(
                HTTPStatus.BAD_REQUEST,
                "MANIFEST_INVALID",
                f"{media_type or 'no content type'}: SageMaker takes single images only, not indexes; build without "
                "provenance attestations",
            )
        manifest = bytearray()
        async for chunk in request.stream():
            manifest += chunk
            if len(manifest) > _MAX_MANIFEST_BYTES:
                raise RegistryError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "SIZE_INVALID", "the manifest is too large")
        try:
            text = manifest.decode()
        except UnicodeDecodeError as error:
            raise RegistryError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", "the manifest is no UTF-8") from error
        try:
            await asyncio.to_thread(
                self._ecr.put_image,
                repositoryName=name,
                imageManifest=text,
                imageManifestMediaType=media_type,
                imageTag=tag,
            )
        except ClientError as error:
            # The same image under the same tag: pushing is idempotent.
            if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
                raise
        digest = digest_of(bytes(manifest))
        return Response(
            status_code=HTTPStatus.CREATED,
            headers={"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest},
        )


def _upload_answer(status: HTTPStatus, name: str, upload: str, size_bytes: int) -> Response:
    return Response(
        status_code=status,
        headers={
            "Location": f"/v2/{name}/blobs/uploads/{upload}",
            "Docker-Upload-UUID": upload,
            "Range": f"0-{max(size_bytes - 1, 0)}",
        },
    )


def _error(status: HTTPStatus, code: str, message: str) -> Response:
    return JSONResponse({"errors": [{"code": code, "message": message}]}, status)
