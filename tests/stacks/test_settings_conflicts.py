"""Settings about the account that contradict each other, or what AWS takes."""

from typing import Any

import pytest

from stacks.errors import SettingsError
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import LOCAL, SMALL, changed

TAG_POLICY = {"required": {"CostCentre": ["42", "43"], "Owner": []}}
ROLE = "arn:aws:iam::111111111111:role/teams/deployer"


def complaints(environments: dict[str, Any], **context: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings({"environments": environments, **context}, {})
    return [text.removeprefix("context.environments.") for text in caught.value.complaints]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"assume_role": {"role_arn": ROLE.replace("111111111111", "999999999999")}},
            "dev.assume_role.role_arn: must be a role of account 111111111111 (partition aws), not "
            '"arn:aws:iam::999999999999:role/teams/deployer".',
        ),
        (
            {"existing": {"execution_role_arn": ROLE.replace("arn:aws:", "arn:aws-cn:")}},
            "dev.existing.execution_role_arn: must be a role of account 111111111111 (partition aws), not "
            '"arn:aws-cn:iam::111111111111:role/teams/deployer".',
        ),
        (
            {"permissions_boundary_arn": "arn:aws:iam::999999999999:policy/boundary"},
            "dev.permissions_boundary_arn: must be a policy of account 111111111111 (partition aws), not "
            '"arn:aws:iam::999999999999:policy/boundary".',
        ),
        (
            {"state_bucket": "mine", "existing": {"state_bucket": "theirs"}},
            "dev.state_bucket: must be absent, existing.state_bucket names the bucket.",
        ),
        (
            {"models_bucket": "mine", "existing": {"models_bucket": "theirs"}},
            "dev.models_bucket: must be absent, existing.models_bucket names the bucket.",
        ),
        (
            {"existing": {"state_bucket": "shared", "models_bucket": "shared"}},
            "dev.models_bucket: must be another bucket than that of the states, shared.",
        ),
        (
            {"existing": {"models_folder": "vision"}},
            "dev.existing.models_folder: must be absent, there is no existing.models_bucket.",
        ),
        (
            {"existing": {"state_bucket": "theirs"}, "state_backend": "local"},
            "dev.state_backend: must be s3, existing.state_bucket holds all states and there is no state stack.",
        ),
        (
            {"assume_role": {"role_arn": ROLE}, "access": {"github": {"repository": "acme/models"}}},
            "dev.access: must be absent, both of its roles would assume assume_role.role_arn, and the one that plans "
            "could then deploy; let the pipelines assume roles of your own.",
        ),
        (
            {"tags": {"environment": "prod"}},
            "dev.tags.environment: IAM takes it for Environment, for the case of a key makes no difference there; "
            "rename it.",
        ),
        (
            {"iam_path": "teams"},
            'dev.iam_path: must be a path that begins and ends with a slash, such as /teams/vision/, not "teams".',
        ),
    ],
)
def test_one_complaint_with_its_key(changes, complaint):
    assert complaints({"dev": changed(SMALL, **changes)}) == [complaint]


def test_the_identity_provider_is_of_the_account():
    arn = "arn:aws:iam::999999999999:oidc-provider/token.actions.githubusercontent.com"
    access = {"github": {"repository": "acme/models"}, "identity_provider_arn": arn}
    (complaint,) = complaints({"dev": changed(SMALL, access=access)})
    assert complaint.startswith(
        "dev.access.identity_provider_arn: must be an identity provider of account 111111111111"
    )


def test_a_boundary_may_be_one_of_aws_s_own_policies():
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    assert parse_settings({"environments": {"dev": changed(SMALL, permissions_boundary_arn=boundary)}}, {})


def test_two_environments_never_share_a_place_for_models():
    shared = changed(SMALL, existing={"models_bucket": "shared"})
    apart = changed(SMALL, existing={"models_bucket": "shared", "models_folder": "prod"})
    assert complaints({"dev": shared, "prod": shared}) == [
        "prod.models_bucket: must be another bucket or folder than that of dev, s3://shared/models/."
    ]
    assert parse_settings({"environments": {"dev": shared, "prod": apart}}, {})
    # Named as the second shard of another environment.
    sharded = changed(SMALL, models_bucket="shared", shards={"count": 2})
    assert complaints({"dev": sharded, "prod": changed(SMALL, models_bucket="shared-2")}) == [
        "prod.models_bucket: must be another bucket or folder than that of dev, s3://shared-2/models/."
    ]


class TestTagPolicy:
    def test_what_is_missing_or_another_value_is_told_for_every_environment(self):
        wrong = changed(SMALL, tags={"CostCentre": "44"})
        assert complaints({"dev": wrong, "prod": LOCAL}, tag_policy=TAG_POLICY) == [
            'dev.tags.CostCentre: must be one of "42", "43" (context.tag_policy.required), not "44".',
            'dev.tags: must have "Owner", which context.tag_policy.required asks for.',
            'prod.tags: must have "CostCentre", which context.tag_policy.required asks for.',
            'prod.tags: must have "Owner", which context.tag_policy.required asks for.',
        ]

    def test_what_it_asks_for_passes(self):
        right = changed(SMALL, tags={"CostCentre": "42", "Owner": "vision"})
        settings = parse_settings({"environments": {"dev": right}, "tag_policy": TAG_POLICY}, {})
        assert settings.tag_policy.required["CostCentre"] == ("42", "43")

    def test_the_project_s_own_tags_count(self):
        policy = {"required": {"Environment": ["dev"], "ManagedBy": []}}
        assert parse_settings({"environments": {"dev": SMALL}, "tag_policy": policy}, {})

    def test_a_broken_policy_is_told(self):
        (complaint,) = complaints({"dev": SMALL}, tag_policy={"required": {"Owner": "me"}})
        assert complaint.startswith("context.tag_policy.required.Owner: must be an object of tag keys with lists")
