"""`python3 -m image_builder.in_use`: keeps the images that an endpoint runs, or would be rolled back to, from expiring.

The endpoint stack runs it after each update. It tags the image with `in-use.CONFIGURATION`, for which the repository's
lifecycle policy has a rule of its own, and removes the tags of configurations that no longer exist. The configuration
before the update still exists then, so its image keeps its tag until the next update. Its arguments are environment
variables.
"""

import os
import re
import sys
from typing import Annotated

import boto3
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from image_builder.check import checked_image_uri, parse_image_uri
from image_builder.errors import ImageBuilderError
from image_builder.repository import Repository, aws_errors, ecr_client
from image_builder.settings import IN_USE_TAG_PREFIX, LoopbackUrl, read_settings

_HASH = re.compile(r"-[0-9a-f]{12}")


class InUseSettings(BaseModel):
    """The settings; each is the environment variable of its alias."""

    model_config = ConfigDict(frozen=True)

    image_uri: Annotated[str, AfterValidator(checked_image_uri)] = Field(alias="IMAGE_URI")
    """The image in ECR that the endpoint runs, by tag or digest."""
    configuration: str = Field(alias="ENDPOINT_CONFIGURATION_NAME", pattern=r"^[A-Za-z0-9-]{1,63}$")
    """The endpoint configuration in use."""
    base: str = Field(alias="CONFIGURATIONS_BEGIN_WITH", min_length=1)
    """What the names of this endpoint's configurations begin with; a `-` and a hash follow."""
    region: str = Field(alias="AWS_REGION", min_length=1)
    endpoint_url: LoopbackUrl = Field(None, alias="AWS_ENDPOINT_URL")
    """The local AWS's URL; not set for AWS itself."""


def keep_images(settings: InUseSettings, ecr: BaseClient, sagemaker: BaseClient) -> list[str]:
    """Tag the image in use, and untag those of configurations that are gone; returns the tags that stay, sorted.

    Raises:
        ImageBuilderError: the image is not in its repository, or AWS cannot be asked.
    """
    uri = parse_image_uri(settings.image_uri)
    repository = Repository(ecr, uri["account"], uri["name"])
    repository.add_tag(uri["tag"] or uri["digest"], f"{IN_USE_TAG_PREFIX}{settings.configuration}")
    kept = []
    for digest, tags in repository.tags():
        ours = [tag for tag in tags if _is_ours(tag, settings.base)]
        gone = [tag for tag in ours if not _exists(sagemaker, tag.removeprefix(IN_USE_TAG_PREFIX))]
        kept += [tag for tag in ours if tag not in gone]
        # ECR deletes an image with its last tag.
        if gone and len(gone) < len(tags):
            repository.remove_tags(digest, gone)
    return sorted(kept)


def _is_ours(tag: str, base: str) -> bool:
    prefix = f"{IN_USE_TAG_PREFIX}{base}"
    return tag.startswith(prefix) and _HASH.fullmatch(tag.removeprefix(prefix)) is not None


def _exists(sagemaker: BaseClient, configuration: str) -> bool:
    with aws_errors(f"looking for the endpoint configuration {configuration}"):
        try:
            sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return False
            raise
    return True


def main() -> int:
    try:
        settings = read_settings(os.environ, InUseSettings)
        try:
            sagemaker = boto3.client("sagemaker", region_name=settings.region, endpoint_url=settings.endpoint_url)
        except BotoCoreError as error:
            raise ImageBuilderError(f"connecting to SageMaker: {error}") from error
        kept = keep_images(settings, ecr_client(settings.region, settings.endpoint_url), sagemaker)
    except ImageBuilderError as error:
        print(f"image_builder: {error}", file=sys.stderr)
        return error.exit_code
    print(f"These images do not expire: {', '.join(kept)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
