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
from stacks.settings import PLACE_VARIABLES, EnvironmentSettings

StackName = Literal["state", "image", "models", "endpoint", "access"]
SHARED_STACKS: tuple[StackName, ...] = ("state", "image")
SHARD_STACKS: tuple[StackName, ...] = ("models", "endpoint")
MODEL_LIST_KEY = "model-list.json"
MODELS_PREFIX = "models/"
"""Under which prefix of a bucket of their own the artifacts lie."""
ARCHIVE_PREFIX = "archive/"
_HASH_LENGTH = 12
_TAG_LENGTH = 16
_PATH_HASH_LENGTH = 5
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
    shared = [name for name in SHARED_STACKS if name != "state" or settings.existing.state_bucket is None]
    return (*shared, *(f"{name}{_suffix(shard)}" for shard in shards for name in SHARD_STACKS), *access)


def _suffix(shard: int | Literal["*"]) -> str:
    """What tells a shard's names from those of the first, which has none, so that one shard can become several."""
    return "" if shard == 1 else f"-{shard}"


def _folder(path: str | None) -> str:
    return "" if path is None else f"{path}/"


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

    @property
    def _path_suffix(self) -> str:
        """What a path adds to the names of roles, which are unique whatever their path.

        A change of path replaces a role. The new one must stand while the endpoint moves to it, and Terraform replaces
        what depends on a role only with its name.
        """
        path = self.settings.iam_path
        return "" if path == "/" else f"-{content_hash({'path': path})[:_PATH_HASH_LENGTH]}"

    def iam_arn(self, resource: str) -> str:
        """The ARN of something in the environment's account that has no region, such as `role/NAME`."""
        return f"arn:{self.partition}:iam::{self.settings.account_id}:{resource}"

    def bucket_arn(self, bucket: str) -> str:
        return f"arn:{self.partition}:s3:::{bucket}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource. The settings' own take the place of the project's."""
        return {"Environment": self.environment, "ManagedBy": "cdktf", **self.settings.tags}

    # State

    @property
    def state_bucket(self) -> str:
        if self.settings.existing.state_bucket is not None:
            return self.settings.existing.state_bucket
        if self.settings.state_bucket is not None:
            return self.settings.state_bucket
        return f"{self.base}-state-{self.settings.account_id}-{self.settings.region}"

    def state_key(self, stack: StackName) -> str:
        return f"{self.state_folder}{self.stack(stack)}/terraform.tfstate"

    @property
    def state_folder(self) -> str:
        """What the keys of all states begin with: nothing, or a folder with a slash behind it."""
        return _folder(self.settings.existing.state_folder)

    # Image

    @property
    def repository(self) -> str:
        return self.settings.existing.repository or f"{self.base}-model-server"

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
        named = self.settings.existing.models_bucket or self.settings.models_bucket
        if named is not None:
            return f"{named}{_suffix(self.shard)}"
        return f"{self.shard_base}-models-{self.settings.account_id}-{self.settings.region}"

    @property
    def models_bucket_arn(self) -> str:
        return self.bucket_arn(self.models_bucket)

    @property
    def models_prefix(self) -> str:
        """Under which prefix of the bucket the artifacts lie; TargetModel is the rest of the key."""
        return f"{_folder(self.settings.existing.models_folder)}{MODELS_PREFIX}"

    @property
    def archive_prefix(self) -> str:
        """Where the artifacts of removed versions are kept for a while, each under the key that it had."""
        return f"{_folder(self.settings.existing.models_folder)}{ARCHIVE_PREFIX}"

    @property
    def model_list_key(self) -> str:
        """Where in the bucket the list of the models is, outside of what the endpoint sees."""
        return f"{_folder(self.settings.existing.models_folder)}{MODEL_LIST_KEY}"

    @property
    def model_data_url(self) -> str:
        return f"s3://{self.models_bucket}/{self.models_prefix}"

    # Access

    def access_role(self, purpose: Literal["plan", "deploy", "*"]) -> str:
        """A role of continuous integration."""
        return f"{self.base}-{self.settings.region}-ci-{purpose}{self._path_suffix}"

    def access_role_arn(self, purpose: Literal["plan", "deploy", "*"]) -> str:
        return self._in_path("role", self.access_role(purpose))

    # Endpoint

    @property
    def role(self) -> str:
        """The execution role that the stacks create. The region keeps two environments of one account apart."""
        return f"{self.shard_base}-{self.settings.region}{self._path_suffix}"

    @property
    def role_arn(self) -> str:
        """The execution role of the endpoint, created here or not."""
        return self.settings.existing.execution_role_arn or self._in_path("role", self.role)

    def policy_arn(self, policy: str) -> str:
        """A managed policy that the stacks create."""
        return self._in_path("policy", policy)

    def _in_path(self, kind: Literal["role", "policy"], name: str) -> str:
        return self.iam_arn(f"{kind}{self.settings.iam_path}{name}")

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
    def place(self) -> dict[str, str]:
        """The variables by which the model server knows where it runs."""
        return dict(zip(PLACE_VARIABLES, (self.endpoint, self.settings.variant_name), strict=True))

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"

    @property
    def errors_alarm(self) -> str:
        return f"{self.shard_base}-invocation-5xx-errors"

    def alarm(self, kind: str) -> str:
        return f"{self.shard_base}-{kind}"

    @property
    def own_topic(self) -> str:
        """The topic that the endpoint stack creates."""
        return f"{self.shard_base}-alarms"

    @property
    def dashboard(self) -> str:
        return self.shard_base

    def parameter(self, name: str) -> str:
        """An SSM parameter for programs that call the endpoint."""
        return f"/{self.settings.name_prefix}/{self.environment}{_suffix(self.shard)}/{name}"

    @property
    def scaling_policy(self) -> str:
        return f"{self.shard_base}-invocations-per-instance"

    def caller_policy(self, caller: str) -> str:
        return f"{self.shard_base}-{self.settings.region}-invoke-{caller}"


def name_complaints(names: Names) -> list[str]:
    """Names that are too long for AWS; each begins with the key to change. (What they are made of is allowed.)"""
    settings = names.settings
    existing = settings.existing
    bucket_key = "name_prefix" if settings.models_bucket is None else "models_bucket"
    if existing.models_bucket is not None:
        bucket_key = "existing.models_bucket"
    limits = [
        (bucket_key, "models bucket", names.models_bucket, 63),
        ("name_prefix", "SageMaker model", names.model({}), 63),
        ("name_prefix", "role of continuous integration", names.access_role("deploy"), 64),
        *(
            ("name_prefix", f"policy of caller {caller}", names.caller_policy(caller), 128)
            for caller in settings.callers
        ),
    ]
    if settings.state_bucket is None and existing.state_bucket is None:
        limits.insert(0, ("name_prefix", "state bucket", names.state_bucket, 63))
    if existing.execution_role_arn is None:
        limits.append(("name_prefix", "execution role", names.role, 64))
    if settings.endpoint_name is not None:
        limits.append(("endpoint_name", "endpoint", names.endpoint, 63))
    return [
        f"{key}: the name of the {what} would be {name}, {len(name)} characters, and AWS allows {limit} there; "
        f"shorten {_SHORTEN.get(key, key)}"
        for key, what, name, limit in limits
        if len(name) > limit
    ]
