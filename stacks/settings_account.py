"""The settings about the account that the stacks find: whose identity they use, what is there already, which tags."""

from typing import Annotated

from pydantic import Field, StringConstraints

from stacks.settings_block import Block, setting

POLICY_ARN = r"^arn:aws(-[a-z]+)*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$"
ROLE_ARN = r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$"
BUCKET_NAME = (
    "the name of a bucket: 3 to 63 lower-case letters, digits, single dots and hyphens, "
    "a letter or digit first and last"
)
_ROLE = "the ARN of a role, such as arn:aws:iam::123456789012:role/teams/deployer"
_FOLDER = "a path of letters, digits, hyphens and underscores, no slash first or last, such as teams/vision"
BucketName = Annotated[str, StringConstraints(min_length=3, max_length=63, pattern=r"^[a-z0-9]+((-+|\.)[a-z0-9]+)*$")]
Folder = Annotated[str, StringConstraints(max_length=256, pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")]
RequiredTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_ .:/=+@-]+$", max_length=128)]
RequiredValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_ .:/=+@-]*$", max_length=256)]
# Without conversions, a list would be no tuple.
RequiredValues = Annotated[tuple[RequiredValue, ...], Field(strict=False)]


class AssumeRole(Block):
    """The role that every call for an environment is made with: Terraform's, its backend's and this project's own."""

    role_arn: str = setting("The role, in the environment's account.", _ROLE, max_length=2048, pattern=ROLE_ARN)
    external_id: str | None = setting(
        "The external id that the role's trust policy asks for.",
        "2 to 1224 letters, digits and _+=,.@:/-",
        default=None,
        min_length=2,
        max_length=1224,
        pattern=r"^[A-Za-z0-9_+=,.@:/-]+$",
    )
    session_name: str = setting(
        "The name of the session, which CloudTrail records.",
        "2 to 64 letters, digits and _+=,.@-",
        default="multi-model-endpoint",
        min_length=2,
        max_length=64,
        pattern=r"^[A-Za-z0-9_+=,.@-]+$",
    )


class Existing(Block):
    """What the account has already. The stacks use it, and neither create, change nor delete it."""

    execution_role_arn: str | None = setting(
        "The endpoint's execution role. The output `execution_rights` of the endpoint stack is the policy it needs.",
        _ROLE,
        default=None,
        max_length=2048,
        pattern=ROLE_ARN,
    )
    state_bucket: BucketName | None = setting(
        "The bucket for Terraform's state. There is no state stack then. It must be versioned.", BUCKET_NAME, None
    )
    state_folder: Folder | None = setting(
        "The folder of the states in `existing.state_bucket`. Absent: the top of the bucket.", _FOLDER, None
    )
    models_bucket: BucketName | None = setting(
        "The bucket of the artifacts, in the environment's region. Its policy, encryption, versioning and expiry are "
        "its owner's. Shard 2 and later: `-SHARD` behind the name.",
        BUCKET_NAME,
        None,
    )
    models_folder: Folder | None = setting(
        "The folder in `existing.models_bucket` that `models/` is in. Absent: the top of the bucket.", _FOLDER, None
    )
    repository: str | None = setting(
        "The ECR repository of the image, in the environment's account and region. Its owner decides which images "
        "expire.",
        "the name of an ECR repository, such as teams/model-server",
        default=None,
        min_length=2,
        max_length=256,
        pattern=r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$",
    )


class TagPolicy(Block):
    """The organisation's rules for tags, for every environment."""

    required: dict[RequiredTag, RequiredValues] = setting(
        "Tags that every environment must set, each with the values that are allowed for it; an empty list allows any.",
        'an object of tag keys with lists of values, such as {"CostCentre": ["42", "43"], "Owner": []}',
        default={},
    )
