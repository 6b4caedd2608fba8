"""The image's repository in Amazon ECR, through boto3."""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import requests
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from image_builder.errors import ImageBuilderError
from image_builder.requirements import DOCKER_MANIFEST, ImageDescription
from image_builder.settings import is_loopback
from stacks.aws_session import assumed, role_of_variables

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_DOWNLOAD_TIMEOUT_SECONDS = 30
_HINTS = {
    "RepositoryNotFoundException": "apply the repository first; Terraform does when it is part of the same stack",
    "AccessDeniedException": "the caller needs ecr:GetAuthorizationToken and the push actions on the repository",
    "ExpiredTokenException": "the credentials have expired; sign in again",
    "UnrecognizedClientException": "AWS does not know these credentials; check the profile",
}


@dataclass(frozen=True)
class Credentials:
    """A login to the registry, valid for twelve hours."""

    registry_url: str
    username: str
    password: str = field(repr=False)

    @property
    def registry(self) -> str:
        """The registry's host, with its port where it has one."""
        return urlsplit(self.registry_url).netloc


def ecr_client(region: str, endpoint_url: str | None) -> BaseClient:
    """boto3's `ecr` client; `endpoint_url` is the local AWS's. Raises ImageBuilderError.

    It has the identity that the environment's settings name (`stacks.aws_session`).
    """
    with aws_errors("connecting to ECR"):
        session = botocore.session.get_session()
        role = role_of_variables(os.environ)
        return assumed(session, role, region=region, endpoint_url=endpoint_url).create_client(
            "ecr",
            region_name=region,
            endpoint_url=endpoint_url,
            config=Config(retries={"mode": "standard", "max_attempts": 5}),
        )


class Repository:
    """One ECR repository.

    Args:
        client: boto3's `ecr` client.
        registry_id: the account that owns the repository.
        name: the repository's name.
    """

    def __init__(self, client: BaseClient, registry_id: str, name: str) -> None:
        self._client = client
        self._address = {"registryId": registry_id, "repositoryName": name}
        self.name = name

    def find(self, reference: str) -> ImageDescription | None:
        """What the image with this tag or digest says of itself; None where the repository has none.

        Raises:
            ImageBuilderError: it is an index of several images, which SageMaker rejects, or ECR cannot be asked.
        """
        with aws_errors(f"looking for {reference} in {self.name}"):
            answer = self._client.batch_get_image(
                **self._address,
                imageIds=[{"imageDigest" if reference.startswith("sha256:") else "imageTag": reference}],
                acceptedMediaTypes=[OCI_MANIFEST, DOCKER_MANIFEST, *_INDEXES],
            )
            if not answer["images"]:
                return None
            image = answer["images"][0]
            manifest = json.loads(image["imageManifest"])
            if "config" not in manifest:
                raise ImageBuilderError(
                    f"{reference} of {self.name} is an index of several images, which SageMaker rejects; delete it and "
                    "build again without provenance attestations."
                )
            config = json.loads(self._download(manifest["config"]["digest"]))
            return ImageDescription.from_config(config, image.get("imageManifestMediaType"))

    def credentials(self) -> Credentials:
        """A fresh login to the registry."""
        with aws_errors("asking ECR for a login"):
            data = self._client.get_authorization_token()["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return Credentials(data["proxyEndpoint"], username, password)

    def upload(self, blob: bytes) -> str:
        """Upload a layer or configuration, unless the repository has it; returns its digest."""
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        with aws_errors(f"uploading {digest} to {self.name}"):
            known = self._client.batch_check_layer_availability(**self._address, layerDigests=[digest])["layers"]
            if known and known[0]["layerAvailability"] == "AVAILABLE":
                return digest
            upload = self._client.initiate_layer_upload(**self._address)
            for first in range(0, len(blob), upload["partSize"]):
                part = blob[first : first + upload["partSize"]]
                self._client.upload_layer_part(
                    **self._address,
                    uploadId=upload["uploadId"],
                    partFirstByte=first,
                    partLastByte=first + len(part) - 1,
                    layerPartBlob=part,
                )
            with suppress(self._client.exceptions.LayerAlreadyExistsException):  # another deployment was quicker
                self._client.complete_layer_upload(**self._address, uploadId=upload["uploadId"], layerDigests=[digest])
        return digest

    def put_image(self, tag: str, manifest: str, media_type: str) -> None:
        """Give the manifest a tag; nothing happens where it has that tag already."""
        with (
            aws_errors(f"tagging {self.name}:{tag}"),
            suppress(self._client.exceptions.ImageAlreadyExistsException),
        ):
            self._client.put_image(
                **self._address, imageManifest=manifest, imageManifestMediaType=media_type, imageTag=tag
            )

    def add_tag(self, reference: str, tag: str) -> None:
        """Give the image with this tag or digest one more tag; ImageBuilderError where there is none."""
        with aws_errors(f"looking for {reference} in {self.name}"):
            answer = self._client.batch_get_image(
                **self._address,
                imageIds=[{"imageDigest" if reference.startswith("sha256:") else "imageTag": reference}],
                acceptedMediaTypes=[OCI_MANIFEST, DOCKER_MANIFEST],
            )
        if not answer["images"]:
            raise ImageBuilderError(f"{self.name} has no image {reference}.")
        image = answer["images"][0]
        self.put_image(tag, image["imageManifest"], image["imageManifestMediaType"])

    def tags(self) -> list[tuple[str, list[str]]]:
        """The digest and the tags of every image that has a tag."""
        found = []
        with aws_errors(f"listing the images of {self.name}"):
            pages = self._client.get_paginator("describe_images").paginate(
                **self._address, filter={"tagStatus": "TAGGED"}
            )
            for page in pages:
                found += [(image["imageDigest"], image.get("imageTags", [])) for image in page["imageDetails"]]
        return found

    def remove_tags(self, digest: str, tags: Iterable[str]) -> None:
        """Take tags from an image, which must have others: ECR deletes an image with its last tag."""
        with aws_errors(f"removing tags of {digest} in {self.name}"):
            self._client.batch_delete_image(**self._address, imageIds=[{"imageTag": tag} for tag in tags])

    def _download(self, digest: str) -> bytes:
        url = self._client.get_download_url_for_layer(**self._address, layerDigest=digest)["downloadUrl"]
        content = _get(url).content
        if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
            raise ImageBuilderError(f"{self.name}: the configuration {digest} arrived damaged; try again.")
        return content


def _get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)  # a proxy of the machine knows nothing of this machine's ports
        answer = session.get(url, timeout=_DOWNLOAD_TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer


@contextmanager
def aws_errors(action: str) -> Iterator[None]:
    """Turn what boto3 raises inside into an ImageBuilderError that says what was being done and what to do."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise ImageBuilderError(
            f"{action}: no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    except ClientError as error:
        details: Mapping[str, Any] = error.response.get("Error", {})
        hint = _HINTS.get(details.get("Code", ""))
        raise ImageBuilderError(
            f"{action}: {details.get('Code')}: {details.get('Message')}" + (f" ({hint})" if hint else "")
        ) from error
    except (BotoCoreError, requests.RequestException) as error:
        raise ImageBuilderError(f"{action}: {error}") from error
