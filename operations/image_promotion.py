"""Gives an environment the image that another one runs: by its digest, instead of building it again.

The image is named in `cdktf.json`, so that git keeps who promoted what. The image stays in the repository it is in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from image_builder.check import parse_image_uri
from image_builder.repository import Repository
from image_builder.settings import IN_USE_TAG_PREFIX
from operations.errors import PromotionError


def running_image(sagemaker: BaseClient, endpoint_name: str) -> str:
    """The image that an endpoint runs, as REPOSITORY@DIGEST.

    Raises:
        PromotionError: the endpoint is in the middle of an update, is out of service, or runs several images.
    """
    description = sagemaker.describe_endpoint(EndpointName=endpoint_name)
    if description["EndpointStatus"] != "InService":
        raise PromotionError(
            f"the endpoint {endpoint_name} is {description['EndpointStatus']}: only an image that serves is promoted. "
            "Try again when it is InService."
        )
    images = {
        image["ResolvedImage"]
        for variant in description.get("ProductionVariants", ())
        for image in variant.get("DeployedImages", ())
        if "@sha256:" in image.get("ResolvedImage", "")
    }
    if len(images) != 1:
        found = ", ".join(sorted(images)) or "none with a digest"
        raise PromotionError(f"the endpoint {endpoint_name} must run one image, and it runs {found}.")
    return images.pop()


def name_image(settings_file: Path, environment: str, image: str) -> str | None:
    """Set `image.prebuilt_uri` of an environment in `cdktf.json`; returns what it was, None where it was not set.

    Raises:
        PromotionError: the file has no such environment.
    """
    content = json.loads(settings_file.read_text(encoding="utf-8"))
    environments: dict[str, Any] = content.get("context", {}).get("environments", {})
    if environment not in environments:
        raise PromotionError(f"{settings_file.name} has no environment {environment}, only {', '.join(environments)}.")
    block = environments[environment].setdefault("image", {})
    before = block.get("prebuilt_uri")
    if before != image:
        block["prebuilt_uri"] = image
        settings_file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return before


def keep_promoted(ecr: BaseClient, environment: str, image: str, before: str | None) -> None:
    """Tag a promoted image, so that its repository never expires it, and untag those promoted before the last one.

    Args:
        ecr: boto3's `ecr` client, for the region of the image.
        environment: the environment that gets the image.
        image: REPOSITORY@DIGEST.
        before: the image that the environment had, to which it may be rolled back; None where it had none.

    Raises:
        ImageBuilderError: the image is not there, or ECR cannot be asked.
    """
    uri = parse_image_uri(image)
    repository = Repository(ecr, uri["account"], uri["name"])
    prefix = f"{IN_USE_TAG_PREFIX}promoted-{environment}-"
    repository.add_tag(uri["digest"], f"{prefix}{_short(uri['digest'])}")
    kept = {item.partition("@")[2] for item in (image, before) if item is not None}
    for digest, tags in repository.tags():
        ours = [tag for tag in tags if tag.startswith(prefix)]
        if ours and digest not in kept and len(ours) < len(tags):
            repository.remove_tags(digest, ours)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:16]
