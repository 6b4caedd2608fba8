"""The settings that `cdktf.json` holds under `context`: one block per environment, and the catalog.

Each field states its meaning (`description`) and what is allowed (`allowed`). The table in README.md, the
JSON schema and the text of every complaint come from there, so that they cannot disagree.
"""

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from stacks.instance_types import INSTANCE_TYPES
from stacks.partitions import DNS_SUFFIXES
from stacks.settings_account import BUCKET_NAME, POLICY_ARN, AssumeRole, BucketName, Existing, TagPolicy
from stacks.settings_block import Block, conflict, setting
from stacks.settings_monitoring import Monitoring


def _not_aws(key: str) -> str:
    if key.lower().startswith("aws:"):
        raise PydanticCustomError("reserved", "keys beginning with aws: belong to AWS")
    return key


def _no_truth_value(value: Any) -> Any:
    # In Python, true is 1, and pydantic takes it for the 1 of a Literal.
    if isinstance(value, bool):
        raise PydanticCustomError("not_a_number", "must be a number")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
AlarmName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^.*\S.*$")]
TagKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_ .:/=+@-]+$", max_length=128), AfterValidator(_not_aws)]
TagValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_ .:/=+@-]*$", max_length=256)]
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")]
SecurityGroupId = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=1024)]
VariableValue = Annotated[str, StringConstraints(max_length=1024)]
CallerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
TargetPrefix = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*/?)$")]

if TYPE_CHECKING:
    InstanceType = str  # mypy takes only what is written out
else:
    InstanceType = Literal[INSTANCE_TYPES]
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
# Instance families whose disk is local NVMe: SageMaker takes neither a volume size nor a KMS key for it.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (KmsKeyId)
_LOCAL_STORAGE = re.compile(r"^ml\.([a-z]+[0-9]+[a-z]*d[a-z]*|g[5-9][a-z]*|gr6|p[5-9][a-z]*|trn[0-9][a-z]*)\.")
_GRAVITON = re.compile(r"^ml\.[a-z]+[0-9]+g")
# Set by the endpoint stack: SageMaker does not tell a container which endpoint it serves.
PLACE_VARIABLES = ("MODEL_SERVER_ENDPOINT", "MODEL_SERVER_VARIANT")
# Set by SageMaker in every container of a multi-model endpoint.
RESERVED_VARIABLES = ("SAGEMAKER_MULTI_MODEL", "SAGEMAKER_BIND_TO_PORT", "SAGEMAKER_SAFE_PORT_RANGE")


class LocalAws(Block):
    """Where the local AWS of an environment listens. An environment with this block never talks to AWS."""

    endpoint_url: str = setting(
        "The local AWS's URL. `AWS_ENDPOINT_URL` overrides it.",
        "an http URL on the loopback interface, such as http://127.0.0.1:4566",
        default="http://127.0.0.1:4566",
        pattern=r"^http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?$",
    )


class Image(Block):
    """The container image of the model server."""

    platform: Literal["linux/amd64", "linux/arm64"] = setting(
        "The platform the image is built for: arm64 for Graviton instances, amd64 for all others.",
        "linux/amd64 or linux/arm64",
        default="linux/amd64",
    )
    container_engine: Literal["auto", "docker", "podman", "finch", "none"] = setting(
        "What builds the image. `auto` takes the first of docker, podman, finch that is there.",
        "auto, docker, podman, finch or none (none: only with a local AWS)",
        default="auto",
    )
    prebuilt_uri: str | None = setting(
        "An image that was built elsewhere, in CI for instance. It is checked, and nothing is built.",
        "the URI of an image in ECR with a tag or digest, "
        "such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/model-server:1.0",
        default=None,
        pattern=r"^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\."
        + f"({'|'.join(map(re.escape, DNS_SUFFIXES))})"
        + r"/[a-z0-9._/-]+(:[A-Za-z0-9_.-]{1,128}|@sha256:[0-9a-f]{64})$",
    )
    kept_images: int = setting(
        "How many images the repository keeps; older ones expire. Keep enough to roll back.",
        "a whole number from 2 to 1000",
        default=30,
        ge=2,
        le=1000,
    )


class Vpc(Block):
    """The network the instances are attached to."""

    subnet_ids: tuple[SubnetId, ...] = setting(
        "The subnets, in two availability zones or more for production.",
        'a list of 1 to 16 subnet ids, such as ["subnet-0123456789abcdef0"]',
        min_length=1,
        max_length=16,
        strict=False,
    )
    security_group_ids: tuple[SecurityGroupId, ...] = setting(
        "The security groups of the instances.",
        'a list of 1 to 5 security group ids, such as ["sg-0123456789abcdef0"]',
        min_length=1,
        max_length=5,
        strict=False,
    )


class AutoScaling(Block):
    """Target tracking on the invocations that one instance gets in a minute, all models together."""

    minimum_instance_count: int = setting("The fewest instances.", "a whole number from 1 to 1000", ge=1, le=1000)
    maximum_instance_count: int = setting("The most instances.", "a whole number from 1 to 1000", ge=1, le=1000)
    target_invocations_per_instance_per_minute: int = setting(
        "The load to hold each instance at (SageMakerVariantInvocationsPerInstance).",
        "a whole number from 1 to 1000000",
        ge=1,
        le=1_000_000,
    )
    scale_in_cooldown_seconds: int = setting(
        "The time between two removals of instances. Each removal empties a cache of loaded models.",
        "a whole number from 0 to 3600",
        default=300,
        ge=0,
        le=3600,
    )
    scale_out_cooldown_seconds: int = setting(
        "The time between two additions of instances.",
        "a whole number from 0 to 3600",
        default=60,
        ge=0,
        le=3600,
    )

    @model_validator(mode="after")
    def _minimum_below_maximum(self) -> Self:
        if self.minimum_instance_count > self.maximum_instance_count:
            raise conflict(
                f"minimum_instance_count ({self.minimum_instance_count}) must not be above "
                f"maximum_instance_count ({self.maximum_instance_count})"
            )
        return self


_STEP_PERCENT = {"canary": (1, 50), "linear": (10, 50), "rolling": (5, 50)}


class Deployment(Block):
    """How an update reaches the instances, and when SageMaker rolls it back.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
    """

    policy: Literal["all_at_once", "canary", "linear", "rolling"] = setting(
        "`all_at_once`, `canary` and `linear` shift traffic to a second fleet (blue/green); "
        "`rolling` replaces the instances batch by batch, without a second fleet.",
        "all_at_once, canary, linear or rolling",
        default="all_at_once",
    )
    step_percent: int | None = setting(
        "The canary's size, the linear step or the rolling batch, in percent of the instances.",
        "a whole number: 1 to 50 for canary, 10 to 50 for linear, 5 to 50 for rolling; absent for all_at_once",
        default=None,
        ge=1,
        le=50,
    )
    wait_seconds: int = setting(
        "How long the alarms are watched after each step.",
        "a whole number from 0 to 3600",
        default=120,
        ge=0,
        le=3600,
    )
    termination_wait_seconds: int | None = setting(
        "How long the old fleet stays after the shift; 0 when absent. Blue/green only.",
        "a whole number from 0 to 3600; absent for rolling",
        default=None,
        ge=0,
        le=3600,
    )
    maximum_execution_timeout_seconds: int = setting(
        "The longest an update may take before it is rolled back.",
        "a whole number from 600 to 14400",
        default=3600,
        ge=600,
        # SageMaker takes 28,800, Terraform's AWS provider no more than this.
        le=14_400,
    )
    maximum_5xx_errors_per_minute: int = setting(
        "More answers with a 5xx status than this in a minute raise the alarm that rolls an update back.",
        "a whole number, 0 or more",
        default=5,
        ge=0,
    )
    alarm_names: tuple[AlarmName, ...] = setting(
        "More CloudWatch alarms that roll an update back, beside the one on 5xx answers.",
        "a list of up to 9 names of alarms, each of up to 255 characters",
        default=(),
        max_length=9,
        strict=False,
    )

    @model_validator(mode="after")
    def _step_fits_policy(self) -> Self:
        if self.policy == "all_at_once":
            if self.step_percent is not None:
                raise conflict("step_percent must be absent where policy is all_at_once")
            return self
        low, high = _STEP_PERCENT[self.policy]
        if self.step_percent is None or not low <= self.step_percent <= high:
            raise conflict(f"step_percent must be a whole number from {low} to {high} where policy is {self.policy}")
        if self.policy == "rolling" and self.termination_wait_seconds is not None:
            raise conflict("termination_wait_seconds must be absent where policy is rolling")
        return self

    @property
    def waits_seconds(self) -> int:
        """How long an update takes at least: the waits that are known before it starts."""
        # A canary is watched once before the rest follows.
        steps = 1 if self.policy in ("all_at_once", "canary") else math.ceil(100 / (self.step_percent or 100))
        return steps * self.wait_seconds + (self.termination_wait_seconds or 0)


class Caller(Block):
    """Who may invoke what: becomes an IAM policy to attach to the caller's role."""

    models: tuple[TargetPrefix, ...] = setting(
        "The models (or folders of models) the caller may invoke.",
        'a list of 1 to 100 names of models or folders of models, such as ["squeezenet", "tenant-a/"]; ["*"] for all',
        min_length=1,
        max_length=100,
        strict=False,
    )


class GitHub(Block):
    """The GitHub repository whose workflows deploy the environment."""

    repository: str = setting(
        "The repository whose workflows may assume the roles, in the GitHub environments `ENV-plan` and `ENV`.",
        "the name of a repository with its owner, such as acme/models",
        pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$",
    )


class GitLab(Block):
    """The GitLab project whose pipelines deploy the environment."""

    project: str = setting(
        "The project whose pipelines may assume the roles: any branch the plan role, `branch` the deploy role.",
        "the path of a project with its groups, such as acme/platform/models",
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$",
    )
    branch: str = setting(
        "The protected branch that deploys.", "the name of a branch", default="main", pattern=r"^[A-Za-z0-9._/-]+$"
    )
    host: str = setting(
        "The GitLab server.",
        "the name of a host, such as gitlab.com",
        default="gitlab.com",
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
    )


class Access(Block):
    """Who plans and deploys from continuous integration: two roles, trusted by identity tokens instead of keys."""

    github: GitHub | None = setting(
        "Roles for GitHub Actions.", "absent, or a block with the keys of `access.github`; exactly one of the two", None
    )
    gitlab: GitLab | None = setting(
        "Roles for GitLab CI.", "absent, or a block with the keys of `access.gitlab`; exactly one of the two", None
    )
    identity_provider_arn: str | None = setting(
        "The identity provider that the account has already. Absent: the stack creates it. An account takes one for "
        "each server.",
        "the ARN of an OIDC provider, such as "
        "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
        default=None,
        pattern=r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:oidc-provider/[a-z0-9./:-]+$",
    )

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if (self.github is None) == (self.gitlab is None):
            raise conflict("must have either github or gitlab")
        return self


class ShardLayout(Block):
    """Over how many shards the catalog is spread. `stacks.shards` says which model is in which."""

    count: int = setting(
        "How many shards there are. Each has a bucket, an endpoint and states of its own.",
        "a whole number from 1 to 100",
        default=1,
        ge=1,
        le=100,
    )
    pins: dict[Text, int] = setting(
        "Models with a fixed shard. The others are spread evenly, by a hash of their names.",
        'an object of names of models, each with a shard from 1 to count, such as {"squeezenet": 2}',
        default={},
    )


class Shards(ShardLayout):
    """The shards, and those of before while models move."""

    previous: ShardLayout | None = setting(
        "The layout before a change. As long as it stands here, each model is in its shards of both layouts, so that "
        "callers can follow; taken out, models leave the shards they were in.",
        "absent, or a block with the keys of `shards.previous`",
        None,
    )

    @property
    def layouts(self) -> dict[str, ShardLayout]:
        """The layouts that are deployed, by their keys in the environment's settings."""
        return {"shards": self} if self.previous is None else {"shards": self, "shards.previous": self.previous}

    @property
    def deployed_count(self) -> int:
        """How many shards there are while models move."""
        return max(layout.count for layout in self.layouts.values())


class EnvironmentSettings(Block):
    """One environment: its account and region, and what runs there."""

    region: str = setting(
        "The AWS region.", "the name of an AWS region, such as us-east-1", pattern=r"^[a-z]{2,4}(-[a-z]+){1,2}-[1-9]$"
    )
    account_id: str = setting(
        "The AWS account. Terraform refuses to work with another one.",
        'the 12 digits of an AWS account as text, such as "123456789012"',
        pattern=r"^[0-9]{12}$",
    )
    name_prefix: str = setting(
        "What every AWS name begins with; the environment's name follows it.",
        "2 to 20 lower-case letters, digits and single hyphens, a letter first, no hyphen last",
        default="multi-model",
        min_length=2,
        max_length=20,
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    )
    local_aws: LocalAws | None = setting(
        "Marks an environment of the embedded local AWS.", "absent, or a block with the keys of `local_aws`", None
    )
    assume_role: AssumeRole | None = setting(
        "The role that Terraform and this project's commands assume in the account. Absent: they use the "
        "credentials that they find.",
        "absent, or a block with the keys of `assume_role`",
        None,
    )
    permissions_boundary_arn: str | None = setting(
        "The permissions boundary of every role that the stacks create.",
        "the ARN of a policy, such as arn:aws:iam::123456789012:policy/boundary",
        default=None,
        pattern=POLICY_ARN,
    )
    iam_path: str = setting(
        "The IAM path of every role and policy that the stacks create.",
        "a path that begins and ends with a slash, such as /teams/vision/",
        default="/",
        max_length=128,
        pattern=r"^/([A-Za-z0-9+=,.@_-]+/)*$",
    )
    existing: Existing = setting(
        "What the account has already: the stacks use it and neither create nor change it.",
        "a block with the keys of `existing`",
        Existing(),
    )
    production: bool | None = setting(
        "Whether people depend on the environment: a load test then needs `--production`. Absent: whether its name "
        "begins with prod or live.",
        "true or false",
        default=None,
    )
    state_bucket: BucketName | None = setting(
        "The bucket for Terraform's state. Absent: `PREFIX-ENVIRONMENT-state-ACCOUNT-REGION`.", BUCKET_NAME, None
    )
    state_backend: Literal["local", "s3"] = setting(
        "Where the state stack keeps its own state: in the bucket it creates, where `make bootstrap` puts it, or in a "
        "file of one machine. `STATE_BACKEND` overrides it.",
        "local or s3",
        default="s3",
    )
    models_bucket: BucketName | None = setting(
        "The bucket of the artifacts. Absent: `PREFIX-ENVIRONMENT-models-ACCOUNT-REGION`. Shard 2 and later: `-SHARD` "
        "behind ENVIRONMENT, or behind the name given here.",
        BUCKET_NAME,
        None,
    )
    endpoint_name: str | None = setting(
        "The endpoint's name. Absent: `PREFIX-ENVIRONMENT`. Shard 2 and later: with `-SHARD` behind it.",
        "the name of an endpoint: 1 to 63 letters, digits and hyphens, no hyphen first or last",
        default=None,
        max_length=63,
        pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
    )
    variant_name: str = setting(
        "The name of the endpoint's only variant. SageMaker refuses an update that renames it, so an adopted endpoint "
        "keeps the name it has.",
        "the name of a variant: 1 to 63 letters, digits and hyphens, no hyphen first or last",
        default="all-models",
        max_length=63,
        pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
    )
    revision: int = setting(
        "Raise it to go back to the image and settings that a failed update was to replace: their model and "
        "configuration are still there under their names, and a raised revision gives new ones.",
        "a whole number from 0 to 9999",
        default=0,
        ge=0,
        le=9999,
    )
    instance_type: InstanceType = setting(
        "The type of the endpoint's instances.",
        "an instance type of SageMaker's endpoints, such as ml.m5.xlarge",
    )
    initial_instance_count: int = setting(
        "How many instances a new configuration starts with. An update resets the count to it.",
        "a whole number from 1 to 1000",
        default=1,
        ge=1,
        le=1000,
    )
    volume_size_gb: int | None = setting(
        "The disk of each instance, which caches the artifacts. Absent: what SageMaker chooses.",
        "a whole number from 1 to 512; absent for instance types with local storage",
        default=None,
        ge=1,
        le=512,
    )
    startup_timeout_seconds: int | None = setting(
        "How long a container may take to answer its first ping. Absent: what SageMaker chooses.",
        "a whole number from 60 to 3600",
        default=None,
        ge=60,
        le=3600,
    )
    model_cache_setting: Literal["Enabled", "Disabled"] = setting(
        "Whether models stay in memory after a call. Disabled suits models that are called rarely.",
        "Enabled or Disabled",
        default="Enabled",
    )
    server_environment: dict[VariableName, VariableValue] = setting(
        "Environment variables of the model server.",
        "an object of up to 98 variables: names of letters, digits and underscores, values of up to 1024 characters; "
        f"{', '.join(RESERVED_VARIABLES)} belong to SageMaker, {' and '.join(PLACE_VARIABLES)} to the endpoint stack",
        default={},
        max_length=98,
    )
    kms_key_arn: str | None = setting(
        "The key for the buckets, the repository and the instances' volumes. Absent: keys that AWS manages. "
        "A repository keeps the key it was created with.",
        "the ARN of a KMS key, such as arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        default=None,
        pattern=r"^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
    )
    vpc: Vpc | None = setting(
        "The network of the instances. Absent: SageMaker's own.", "absent, or a block with the keys of `vpc`", None
    )
    network_isolation: bool = setting(
        "Whether the containers have no network at all. SageMaker itself still loads the models.",
        "true or false",
        default=False,
    )
    tags: dict[TagKey, TagValue] = setting(
        "Tags of every resource.",
        "an object of up to 8 tags (S3 objects take 10); keys of up to 128 and values of up to 256 letters, digits, "
        "spaces and _.:/=+-@, keys not beginning with aws:",
        default={},
        max_length=8,
    )
    log_retention_days: Annotated[LogRetentionDays, BeforeValidator(_no_truth_value)] = setting(
        "How long CloudWatch keeps the server's logs.",
        f"one of {', '.join(map(str, get_args(LogRetentionDays)))}",
        default=30,
    )
    deleted_model_retention_days: int = setting(
        "How long the bucket keeps the artifacts of removed models and versions, in days; until then "
        "`make model-restore` brings them back.",
        "a whole number from 1 to 3650",
        default=30,
        ge=1,
        le=3650,
    )
    promoted_models_only: bool = setting(
        "Whether the environment holds only the versions that `python -m model_catalog promote` gave it, instead of "
        "the whole catalog.",
        "true or false",
        default=False,
    )
    image: Image = setting("The model server's image.", "a block with the keys of `image`", Image())
    auto_scaling: AutoScaling | None = setting(
        "Scaling with the load. Absent: the number of instances is fixed.",
        "absent, or a block with the keys of `auto_scaling`",
        None,
    )
    deployment: Deployment = setting(
        "How updates roll out and roll back.", "a block with the keys of `deployment`", Deployment()
    )
    shards: Shards = setting(
        "Over how many endpoints the catalog is spread; see `docs/scale.md`.",
        "a block with the keys of `shards`",
        Shards(),
    )
    deletion_protection: bool | None = setting(
        "Whether Terraform and `make destroy` refuse to destroy the endpoint and the buckets. To destroy them on "
        "purpose, set it to false first. Absent: true, but false with `local_aws`.",
        "true or false",
        None,
    )
    monitoring: Monitoring = setting(
        "Alarms, whom they notify, and the dashboard.", "a block with the keys of `monitoring`", Monitoring()
    )
    parameters: bool = setting(
        "Whether the stacks write the endpoint's name and the place of its models to SSM parameters, for programs that "
        "call the endpoint.",
        "true or false",
        True,
    )
    model_list: bool = setting(
        "Whether the models stack keeps a list of its models, each with its TargetModel, in `model-list.json` in the "
        "models bucket.",
        "true or false",
        False,
    )
    access: Access | None = setting(
        "Roles for continuous integration, in a stack of their own: `ENV-access`. Absent: no such stack.",
        "absent, or a block with the keys of `access`",
        None,
    )
    callers: dict[CallerName, Caller] = setting(
        "Callers that may invoke some of the models only; each becomes an IAM policy.",
        "an object of up to 50 callers: names of up to 32 lower-case letters, digits and hyphens, "
        "each with a block with the keys of `callers.NAME`",
        default={},
        max_length=50,
    )

    @property
    def is_local(self) -> bool:
        """Whether the environment lives in the embedded local AWS."""
        return self.local_aws is not None

    def is_production(self, environment: str) -> bool:
        """Whether people depend on it; `environment` is its name, which decides where `production` does not."""
        return environment.startswith(("prod", "live")) if self.production is None else self.production

    @property
    def is_protected(self) -> bool:
        """Whether the endpoint and the buckets must not be destroyed."""
        return not self.is_local if self.deletion_protection is None else self.deletion_protection

    @property
    def has_local_storage(self) -> bool:
        """Whether the instances' disk is local NVMe, which takes neither a size nor a KMS key."""
        return _LOCAL_STORAGE.match(self.instance_type) is not None

    @property
    def instance_platform(self) -> str:
        """The platform of images that the instances run."""
        return "linux/arm64" if _GRAVITON.match(self.instance_type) else "linux/amd64"


class CatalogSettings(Block):
    """Where the catalog of models is, and how many earlier versions of a model stay."""

    directory: str = setting(
        "The folder of `models.lock.json`, relative to the project. `CATALOG_DIRECTORY` overrides it.",
        "the path of a folder",
        default="models",
        min_length=1,
    )
    earlier_versions: int = setting(
        "How many versions of a model stay invokable beside the current one.",
        "a whole number from 1 to 100",
        default=1,
        ge=1,
        le=100,
    )


class Settings(Block):
    """All settings: the environments by name, the catalog they share, and the organisation's rules for tags."""

    environments: dict[str, EnvironmentSettings]
    catalog: CatalogSettings
    tag_policy: TagPolicy = TagPolicy()
