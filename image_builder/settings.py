"""The builder's settings, from environment variables: no shell in between could read them differently."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from image_builder.context import content_hash
from image_builder.errors import ImageBuilderError

IN_USE_TAG_PREFIX = "in-use."
"""What the tags of images in use begin with; the name of an endpoint configuration follows."""
# The host names of AWS's partitions end in one of these.
_DNS_SUFFIX = r"(amazonaws\.com(\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
REPOSITORY_URI = re.compile(
    rf"(?P<account>[0-9]{{12}})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.{_DNS_SUFFIX}/(?P<name>[a-z0-9._/-]+)"
)
_SECRET_ID = re.compile(r"[A-Za-z0-9._-]+")
_TAG_MINIMUM_DIGITS = 12
AnySettings = TypeVar("AnySettings", bound=BaseModel)
EngineSetting = Literal["auto", "docker", "podman", "finch", "none"]


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parse_repository_uri(value: str) -> re.Match[str]:
    match = REPOSITORY_URI.fullmatch(value)
    if match is None:
        raise ValueError("must look like 123456789012.dkr.ecr.us-east-1.amazonaws.com/name")
    return match


def _repository_uri(value: str) -> str:
    return _parse_repository_uri(value).string


def _build_context(value: Path) -> Path:
    if not (value / "Dockerfile").is_file():
        raise ValueError("must be a folder that holds a Dockerfile")
    return value


def _loopback_url(value: str | None) -> str | None:
    if value is not None and not (value.startswith(("http://", "https://")) and is_loopback(value)):
        raise ValueError("must be the local AWS's URL, such as http://127.0.0.1:4566; leave it out for AWS itself")
    return value


LoopbackUrl = Annotated[str | None, AfterValidator(_loopback_url)]


def _secrets(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",")]
    if any(not _SECRET_ID.fullmatch(identifier) or not path for identifier, _, path in pairs):
        raise ValueError("must look like pip.conf=/path/of/one,ca.pem=/path/of/another")
    missing = [path for _, _, path in pairs if not Path(path).is_file()]
    if missing:
        raise ValueError(f"there is no file {', '.join(missing)}")
    return {identifier: Path(path) for identifier, _, path in pairs}


class Settings(BaseModel):
    """The builder's settings; each is the environment variable of its alias."""

    model_config = ConfigDict(frozen=True)

    repository_uri: Annotated[str, AfterValidator(_repository_uri)] = Field(alias="IMAGE_REPOSITORY_URI")
    """The ECR repository, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME."""
    tag: str = Field(alias="IMAGE_TAG", pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
    """The beginning of the context's content hash (12 hex digits or more), and what may follow it after a `-`."""
    build_context: Annotated[Path, AfterValidator(_build_context)] = Field(alias="BUILD_CONTEXT")
    """The folder with the Dockerfile."""
    platform: Literal["linux/amd64", "linux/arm64"] = Field("linux/amd64", alias="IMAGE_PLATFORM")
    """What the endpoint's instances run; linux/arm64 for Graviton."""
    engine: EngineSetting = Field("auto", alias="CONTAINER_ENGINE")
    """`auto` takes the first of docker, podman and finch that answers."""
    base_image: str | None = Field(None, alias="IMAGE_BASE", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")
    """Another name of the Dockerfile's base image, of a registry that this machine reaches; the same content."""
    network: Literal["default", "host"] = Field("default", alias="IMAGE_BUILD_NETWORK")
    """The network of the build's commands; `host` where only this machine's own reaches the package index."""
    secrets: Annotated[Mapping[str, Path], BeforeValidator(_secrets)] = Field({}, alias="IMAGE_BUILD_SECRETS")
    """Files that the build may read and the image does not keep, as ID=PATH,ID=PATH. The Dockerfile knows `pip.conf`
    (pip's configuration) and `ca.pem` (the certificates it trusts, at /run/secrets/ca.pem)."""
    region: str = Field(alias="AWS_REGION", min_length=1)
    endpoint_url: LoopbackUrl = Field(None, alias="AWS_ENDPOINT_URL")
    """The local AWS's URL; not set for AWS itself."""

    @model_validator(mode="after")
    def _agree_with_each_other(self) -> Self:
        complaints = []
        region = self._repository["region"]
        if self.region != region:
            complaints.append(f"AWS_REGION is {self.region}, but IMAGE_REPOSITORY_URI is in {region}")
        content = content_hash(self.build_context)
        named = self.tag.split("-")[0]
        if len(named) < _TAG_MINIMUM_DIGITS or not content.startswith(named):
            complaints.append(
                f"IMAGE_TAG is {self.tag}, but the content hash of {self.build_context} is {content}: the build "
                "context has changed since the plan was made; plan again"
            )
        if complaints:
            raise ValueError(".\n".join(complaints))
        return self

    @property
    def build_options(self) -> list[str]:
        """What this machine's build needs besides, for the engine's command line."""
        options = [f"--secret=id={identifier},src={path.absolute()}" for identifier, path in self.secrets.items()]
        if self.base_image is not None:
            options.append(f"--build-arg=BASE_IMAGE={self.base_image}")
        if self.network != "default":
            options.append(f"--network={self.network}")
        return options

    @property
    def is_local(self) -> bool:
        return self.endpoint_url is not None

    @property
    def image_uri(self) -> str:
        return f"{self.repository_uri}:{self.tag}"

    @property
    def registry_id(self) -> str:
        """The account that owns the repository."""
        return self._repository["account"]

    @property
    def repository_name(self) -> str:
        return self._repository["name"]

    @property
    def _repository(self) -> re.Match[str]:
        return _parse_repository_uri(self.repository_uri)


def read_settings(environment: Mapping[str, str], model: type[AnySettings]) -> AnySettings:
    """The settings in `environment`; variables that are set but empty count as not set.

    Args:
        environment: the process's variables.
        model: which settings, each field with its variable as alias.

    Raises:
        ImageBuilderError: with every complaint, each naming its variable.
    """
    names = {field.alias for field in model.model_fields.values()}
    try:
        return model.model_validate({name: value for name, value in environment.items() if name in names and value})
    except ValidationError as error:
        complaints = []
        for fault in error.errors(include_url=False):
            name = ".".join(str(part) for part in fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            given = "" if fault["type"] == "missing" or not name else f" (it is {fault['input']})"
            complaints.append(f"{name}: {message}{given}." if name else f"{message}.")
        raise ImageBuilderError("\n".join(complaints)) from error
