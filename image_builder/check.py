"""`python3 -m image_builder.check`: whether an image that was built elsewhere can serve a multi-model endpoint.

The image stack's provisioner runs it for `image.prebuilt_uri`; its arguments are environment variables.
"""

import os
import re
import sys
from typing import Annotated, Literal

from botocore.client import BaseClient
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from image_builder.errors import ImageBuilderError
from image_builder.repository import Repository, ecr_client
from image_builder.requirements import check_image
from image_builder.settings import REPOSITORY_URI, LoopbackUrl, read_settings

_IMAGE_URI = re.compile(rf"{REPOSITORY_URI.pattern}(:(?P<tag>[A-Za-z0-9_.-]+)|@(?P<digest>sha256:[0-9a-f]{{64}}))")


def parse_image_uri(value: str) -> re.Match[str]:
    """The parts of an image's URI: account, region, name, and tag or digest. Raises ValueError."""
    match = _IMAGE_URI.fullmatch(value)
    if match is None:
        raise ValueError("must look like 123456789012.dkr.ecr.us-east-1.amazonaws.com/name:tag or /name@sha256:digest")
    return match


def checked_image_uri(value: str) -> str:
    """`value` where it is the URI of an image in ECR; raises ValueError where it is not."""
    return parse_image_uri(value).string


class CheckSettings(BaseModel):
    """The settings of a check; each is the environment variable of its alias."""

    model_config = ConfigDict(frozen=True)

    image_uri: Annotated[str, AfterValidator(checked_image_uri)] = Field(alias="IMAGE_URI")
    """The image in ECR, by tag or digest."""
    platform: Literal["linux/amd64", "linux/arm64"] = Field(alias="IMAGE_PLATFORM")
    """What the endpoint's instances run."""
    region: str = Field(alias="AWS_REGION", min_length=1)
    endpoint_url: LoopbackUrl = Field(None, alias="AWS_ENDPOINT_URL")
    """The local AWS's URL; not set for AWS itself."""


def check_prebuilt(settings: CheckSettings, client: BaseClient) -> None:
    """Refuse an image that is not there, or that SageMaker would refuse.

    Args:
        settings: which image, and for what.
        client: boto3's `ecr` client.

    Raises:
        ImageBuilderError: with every reason; or ECR cannot be asked.
    """
    uri = parse_image_uri(settings.image_uri)
    image = Repository(client, uri["account"], uri["name"]).find(uri["tag"] or uri["digest"])
    if image is None:
        raise ImageBuilderError(
            f"{settings.image_uri} is not in its repository; push it, or name another in the setting "
            "`image.prebuilt_uri`."
        )
    check_image(image, settings.platform, settings.image_uri)


def main() -> int:
    try:
        settings = read_settings(os.environ, CheckSettings)
        check_prebuilt(settings, ecr_client(settings.region, settings.endpoint_url))
    except ImageBuilderError as error:
        print(f"image_builder: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{settings.image_uri} can serve a multi-model endpoint on {settings.platform}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
