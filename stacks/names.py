"""Every AWS name of an environment: a pure function of its settings, so that each stack plans on an empty account.

Names of things that cannot be changed, only replaced, carry a hash of their arguments: the new one can then stand
beside the old one while the endpoint moves over.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stacks.partitions import partition_of
from stacks.settings import EnvironmentSettings

StackName = Literal["state", "image", "models", "endpoint", "access"]
SHARED_STACKS: tuple[StackName, ...] = ("state", "image")
SHARD_STACKS: tuple[StackName, ...] = ("models", "endpoint")
MODELS_PREFIX = "models/"
"""Under which prefix of the bucket the artifacts lie; TargetModel is the rest of the key."""
_HASH_LENGTH = 12
_TAG_LENGTH = 16
_SHORTEN = {"name_prefix": "name_prefix or the environment's name"}


def content_hash(arguments: Mapping[str, Any]) -> str:
    """A hash of `arguments` (JSON values), the same for the same content in any order of keys."""
    text = json.dumps(arguments, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def stacks_in_order(settings: EnvironmentSettings) -> tuple[str, ...]:
    """The stacks of an environment without its name, in the order of deployment: `state`, `image`, `models-2`, ...

    Later shards come first: when there are more shards than before, they hold their models before others lose them.
    """
    shards = range(settings.shards.deployed_count, 0, -1)
    access = () if settings.access is None else ("access",)
    return (*SHARED_STACKS, *(f"{name}{_suffix(shard)}" for shard in shards for name in SHARD_STACKS), *access)


def _suffix(shard: int | Literal["*"]) -> str:
    """What tells a shard's names from those of the first, which has none, so that one shard can become several."""
    return "" if shard == 1 else f"-{shard}"


@dataclass(frozen=True)
class Names:
    """The names of one environment, and of one of its shards.

    With `*` for the shard they are patterns, as IAM has them, of all shards but the first.
    """

    environment: str
    settings: EnvironmentSettings
    shard: int | Literal["*"] = 1

    @property
    def base(self) -> str:
        """What the names begin with that all shards share."""
        return f"{self.settings.name_prefix}-{self.environment}"

    @property
    def shard_base(self) -> str:
        """What the names of the shard's own begin with."""
        return f"{self.base}{_suffix(self.shard)}"

    def stack(self, name: StackName) -> str:
        return f"{self.environment}-{name}{_suffix(self.shard) if name in SHARD_STACKS else ''}"

    @property
    def partition(self) -> str:
        """The second part of every ARN."""
        return partition_of(self.settings.region).name

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.settings.region}:{self.settings.account_id}:{resource}"

    # State

    @property
    def state_bucket(self) -> str:
        if self.settings.state_bucket is not None:
            return self.settings.state_bucket
        return f"{self.base}-state-{self.settings.account_id}-{self.settings.region}"

    def state_key(self, stack: StackName) -> str:
        return f"{self.stack(stack)}/terraform.tfstate"

    # Image

    @property
    def repository(self) -> str:
        return f"{self.base}-model-server"

    @property
    def repository_uri(self) -> str:
        region = self.settings.region
        registry = f"{self.settings.account_id}.dkr.ecr.{region}.{partition_of(region).dns_suffix}"
        return f"{registry}/{self.repository}"

    def image_tag(self, context_hash: str) -> str:
        """The tag of the image built from a context: tags are immutable, so that a platform needs a tag of its own."""
        tag = context_hash[:_TAG_LENGTH]
        return tag if self.settings.image.platform == "linux/amd64" else f"{tag}-arm64"

    def image_uri(self, context_hash: str) -> str:
        """The image the endpoint runs: the prebuilt one where the settings name it."""
        if self.settings.image.prebuilt_uri is not None:
            return self.settings.image.prebuilt_uri
        return f"{self.repository_uri}:{self.image_tag(context_hash)}"

    @property
    def pulled_repository_arn(self) -> str:
        """The ARN of the repository that the endpoint's image comes from."""
        if self.settings.image.prebuilt_uri is None:
            return self.arn("ecr", f"repository/{self.repository}")
        registry, _, image = self.settings.image.prebuilt_uri.partition("/")
        account, _, _, region = registry.split(".")[:4]
        repository = re.split("[:@]", image)[0]
        return f"arn:{self.partition}:ecr:{region}:{account}:repository/{repository}"

    # Models

    @property
    def models_bucket(self) -> str:
        if self.settings.models_bucket is not None:
            return f"{self.settings.models_bucket}{_suffix(self.shard)}"
        return f"{self.shard_base}-models-{self.settings.account_id}-{self.settings.region}"

    @property
    def models_bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.models_bucket}"

    @property
    def model_data_url(self) -> str:
        return f"s3://{self.models_bucket}/{MODELS_PREFIX}"

    # Access

    def access_role(self, purpose: Literal["plan", "deploy", "*"]) -> str:
        """A role of continuous integration. Roles are global, as below."""
        return f"{self.base}-{self.settings.region}-ci-{purpose}"

    def access_role_arn(self, purpose: Literal["plan", "deploy", "*"]) -> str:
        return f"arn:{self.partition}:iam::{self.settings.account_id}:role/{self.access_role(purpose)}"

    # Endpoint

    @property
    def role(self) -> str:
        """The execution role. Roles are global: the region keeps two environments of one account apart."""
        return f"{self.shard_base}-{self.settings.region}"

    @property
    def role_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.settings.account_id}:role/{self.role}"

    def model(self, arguments: Mapping[str, Any]) -> str:
        return self._by_content(arguments)

    def endpoint_configuration(self, arguments: Mapping[str, Any]) -> str:
        return self._by_content(arguments)

    def _by_content(self, arguments: Mapping[str, Any]) -> str:
        revision = {"revision": self.settings.revision} if self.settings.revision else {}
        return f"{self.shard_base}-{content_hash({**arguments, **revision})}"

    @property
    def endpoint(self) -> str:
        if self.settings.endpoint_name is not None:
            return f"{self.settings.endpoint_name}{_suffix(self.shard)}"
        return self.shard_base

    @property
    def endpoint_arn(self) -> str:
        # SageMaker writes endpoint names in lower case in ARNs.
        return self.arn("sagemaker", f"endpoint/{self.endpoint.lower()}")

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"

    @property
    def errors_alarm(self) -> str:
        return f"{self.shard_base}-invocation-5xx-errors"

    @property
    def scaling_policy(self) -> str:
        return f"{self.shard_base}-invocations-per-instance"

    def caller_policy(self, caller: str) -> str:
        return f"{self.shard_base}-{self.settings.region}-invoke-{caller}"


def name_complaints(names: Names) -> list[str]:
    """Names that are too long for AWS; each begins with the key to change. (What they are made of is allowed.)"""
    settings = names.settings
    bucket_key = "name_prefix" if settings.models_bucket is None else "models_bucket"
    limits = [
        (bucket_key, "models bucket", names.models_bucket, 63),
        ("name_prefix", "execution role", names.role, 64),
        ("name_prefix", "SageMaker model", names.model({}), 63),
        ("name_prefix", "role of continuous integration", names.access_role("deploy"), 64),
        *(
            ("name_prefix", f"policy of caller {caller}", names.caller_policy(caller), 128)
            for caller in settings.callers
        ),
    ]
    if settings.state_bucket is None:
        limits.insert(0, ("name_prefix", "state bucket", names.state_bucket, 63))
    if settings.endpoint_name is not None:
        limits.append(("endpoint_name", "endpoint", names.endpoint, 63))
    return [
        f"{key}: the name of the {what} would be {name}, {len(name)} characters, and AWS allows {limit} there; "
        f"shorten {_SHORTEN.get(key, key)}"
        for key, what, name, limit in limits
        if len(name) > limit
    ]
