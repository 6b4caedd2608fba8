"""Every resource type through a whole life under real Terraform: created, drifted, imported, changed, destroyed."""

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.provider.data_sources import DATA_SOURCES
from local_aws.provider.resources import RESOURCES
from tests.local_aws.account import Account
from tests.local_aws.provider import everything
from tests.local_aws.provider.terraform import Terraform, actions, changed


def test_the_configuration_has_every_type() -> None:
    assert set(everything.resources("image")) == set(RESOURCES)
    assert set(everything.data_sources()) == set(DATA_SOURCES)


def test_a_whole_life(
    terraform: Terraform,
    another_terraform: Callable[[str], Terraform],
    account: Account,
    provider_block: dict[str, Any],
    tmp_path: Path,
) -> None:
    artifact = tmp_path / "artifacts" / "a.tar.gz"
    resources = everything.resources(account.fake_image)
    configuration = {"provider": {"aws": [provider_block]}, "data": everything.data_sources(), "resource": resources}
    terraform.configure(configuration)

    # Planned without the file on disk; the apply would need it.
    created = terraform.plan()
    assert set(actions(created).values()) == {"create"}
    assert_plans_like_the_provider(created)
    artifact.parent.mkdir()
    artifact.write_bytes(b"artifact one")
    terraform.apply()
    state = terraform.state()
    assert_state_after_creation(state)
    assert actions(terraform.plan()) == {}

    assert_import_plans_nothing(another_terraform("import"), configuration, state)

    drift(account)
    drifted = terraform.plan()
    assert actions(drifted) == {
        "aws_s3_bucket.models": "update",
        "aws_s3_object.settings": "create",
        "aws_cloudwatch_metric_alarm.share": "create",
        "aws_s3_bucket_public_access_block.models": "update",
        "aws_iam_role.execution": "update",
        "aws_cloudwatch_log_group.endpoint": "update",
    }
    assert changed(drifted, "aws_s3_bucket.models") == {"tags", "tags_all"}

    artifact.write_bytes(b"artifact two")
    change(resources, provider_block := copy.deepcopy(provider_block))
    terraform.configure({**configuration, "provider": {"aws": [provider_block]}})
    plan = terraform.plan()
    assert_changes(plan)
    terraform.apply()
    assert actions(terraform.plan()) == {}
    endpoint = account.sagemaker.describe_endpoint(EndpointName="everything")
    assert endpoint["EndpointConfigName"] == "everything-2"
    assert account.s3.get_object(Bucket="everything-models", Key="models/a.tar.gz")["Body"].read() == b"artifact two"
    tags = account.sagemaker.list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"Project": "models", "Team": "ml"}

    copied = account.s3.get_object(Bucket="everything-models", Key="models/copy.tar.gz")
    assert (copied["Body"].read(), copied["Metadata"]) == (b"artifact two", {"model": "copy"})

    # Both versions of the objects that go are deleted, and nothing else in the bucket.
    del resources["aws_s3_object"]["model"], resources["aws_s3_object_copy"]
    terraform.configure({**configuration, "provider": {"aws": [provider_block]}})
    terraform.apply()
    listed = account.s3.list_object_versions(Bucket="everything-models")
    assert {version["Key"] for version in listed["Versions"]} == {"settings.json"}
    assert {marker["Key"] for marker in listed.get("DeleteMarkers", ())} <= {"settings.json"}

    terraform.run("destroy", "-auto-approve")
    with pytest.raises(ClientError, match="404"):
        account.s3.head_bucket(Bucket="everything-models")
    with pytest.raises(ClientError, match="Could not find"):
        account.sagemaker.describe_endpoint(EndpointName="everything")
    key = account.client("kms").describe_key(KeyId=state["aws_kms_key.models"]["id"])
    assert key["KeyMetadata"]["KeyState"] == "PendingDeletion"


def assert_plans_like_the_provider(plan: dict[str, Any]) -> None:
    changes = {change["address"]: change["change"] for change in plan["resource_changes"]}
    repository = changes["aws_ecr_repository.plain"]
    assert repository["after"]["image_tag_mutability"] == "MUTABLE"
    assert repository["after"]["region"] == "us-east-1"
    assert repository["after"]["tags_all"] == {"Project": "models"}
    assert {"arn", "id", "repository_url", "registry_id"} <= {
        name for name, unknown in repository["after_unknown"].items() if unknown is True
    }
    bucket = changes["aws_s3_bucket.models"]["after"]
    assert bucket["tags_all"] == {"Kind": "models", "Project": "models"}
    # The real provider, too, does not know the map of all tags before the apply when there are none.
    assert changes["aws_s3_object.model"]["after_unknown"]["tags_all"] is True
    assert changes["aws_cloudwatch_metric_alarm.errors"]["after"]["threshold"] == 0.1
    # Blocks that are not set: unknown where the provider fills them, none where it only keeps what there is.
    assert changes["aws_s3_bucket.models"]["after_unknown"]["versioning"] is True
    assert repository["after"]["encryption_configuration"] == []
    # The lifecycle's type has null where others have zero values, but for what an older version of it had.
    everything, logs, tagged = changes["aws_s3_bucket_lifecycle_configuration.models"]["after"]["rule"]
    assert everything["filter"][0]["prefix"] == everything["prefix"] == ""
    assert everything["filter"][0]["object_size_less_than"] is None
    assert logs["expiration"] == [{"date": None, "days": 90, "expired_object_delete_marker": False}]
    both = {"object_size_greater_than": 0, "object_size_less_than": 0, "prefix": "a/", "tags": {"Keep": "no"}}
    assert (tagged["filter"][0]["and"], tagged["filter"][0]["prefix"]) == ([both], None)


def assert_state_after_creation(state: dict[str, dict[str, Any]]) -> None:
    repository = state["aws_ecr_repository.models"]
    assert repository["repository_url"] == "123456789012.dkr.ecr.us-east-1.amazonaws.com/everything"
    assert repository["encryption_configuration"] == [{"encryption_type": "AES256", "kms_key": ""}]
    model = state["aws_s3_object.model"]
    checksum = base64.b64encode(hashlib.sha256(b"artifact one").digest()).decode()
    assert (model["checksum_sha256"], model["tags_all"]) == (checksum, {})
    assert model["arn"] == "arn:aws:s3:::everything-models/models/a.tar.gz"
    assert model["version_id"]
    assert state["aws_s3_object_copy.model"]["checksum_sha256"] == checksum
    assert state["aws_s3_object.settings"]["tags"] == {"Kind": "settings"}
    assert state["data.aws_s3_object.settings"]["body"] == '{"size": 1}'
    assert state["data.aws_caller_identity.me"]["account_id"] == "123456789012"
    assert state["data.aws_ecr_image.image"]["image_uri"].startswith(
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/fake@"
    )
    assert state["data.aws_s3_bucket.models"]["arn"] == "arn:aws:s3:::everything-models"
    assert state["aws_sns_topic.generated"]["name"].startswith("everything-2")
    assert state["aws_sns_topic.generated"]["name_prefix"] == "everything-"
    variant = state["aws_sagemaker_endpoint_configuration.configuration"]["production_variants"][0]
    assert (variant["initial_variant_weight"], variant["volume_size_in_gb"]) == (0.7, 0)


def assert_import_plans_nothing(
    terraform: Terraform, configuration: dict[str, Any], state: dict[str, dict[str, Any]]
) -> None:
    imports = [{"to": address, "id": identifier} for address, identifier in everything.import_ids(state).items()]
    # Arguments that AWS does not keep: with them Terraform plans an update that writes them into the state.
    resources = copy.deepcopy(configuration["resource"])
    for type_name, argument in (
        ("aws_s3_bucket", "force_destroy"),
        ("aws_ecr_repository", "force_delete"),
        ("aws_kms_key", "deletion_window_in_days"),
    ):
        resources[type_name]["models"].pop(argument)
    # A copy cannot be imported.
    del resources["aws_s3_object_copy"]
    terraform.configure({**configuration, "resource": resources, "import": imports})
    plan = terraform.plan()
    imported = {item["address"] for item in plan["resource_changes"] if "importing" in item["change"]}
    assert imported == {item["to"] for item in imports}
    assert {address: changed(plan, address) for address in actions(plan)} == {
        "aws_s3_object.settings": {"content", "version_id"},
        "aws_ssm_parameter.endpoint": {"insecure_value", "value"},
        "aws_s3_object.model": {
            "source",
            "source_hash",
            "checksum_algorithm",
            "override_provider",
            "etag",
            "version_id",
        },
    }


def drift(account: Account) -> None:
    """What people do by hand: some of it is drift, some only another wording."""
    account.s3.put_bucket_tagging(Bucket="everything-models", Tagging={"TagSet": [{"Key": "Kind", "Value": "other"}]})
    account.s3.delete_object(Bucket="everything-models", Key="settings.json")
    account.client("cloudwatch").delete_alarms(AlarmNames=["everything-share"])
    account.s3.delete_public_access_block(Bucket="everything-models")
    account.s3.put_public_access_block(
        Bucket="everything-models", PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    account.client("iam").update_role(RoleName="everything", Description="by hand", MaxSessionDuration=3600)
    account.client("logs").delete_retention_policy(logGroupName="/aws/sagemaker/Endpoints/everything")
    reworded = json.dumps(everything.TLS_ONLY, indent=3, sort_keys=True)
    account.s3.put_bucket_policy(Bucket="everything-models", Policy=reworded)
    account.ecr.put_lifecycle_policy(
        repositoryName="everything", lifecyclePolicyText=json.dumps(everything.ECR_LIFECYCLE, indent=1)
    )


def change(resources: dict[str, Any], provider_block: dict[str, Any]) -> None:
    provider_block["default_tags"][0]["tags"]["Team"] = "ml"
    resources["aws_s3_object"]["model"]["source_hash"] = "2"
    resources["aws_sagemaker_model"]["model"] |= {"name": "everything-2"}
    resources["aws_sagemaker_endpoint_configuration"]["configuration"]["name"] = "everything-2"
    resources["aws_ecr_repository"]["plain"] |= {"name": "everything-renamed", "image_tag_mutability": "IMMUTABLE"}
    resources["aws_ecr_repository"]["models"]["image_scanning_configuration"] = [{"scan_on_push": False}]
    resources["aws_appautoscaling_target"]["target"]["max_capacity"] = 5
    resources["aws_appautoscaling_policy"]["policy"]["target_tracking_scaling_policy_configuration"][0][
        "target_value"
    ] = 50
    resources["aws_cloudwatch_metric_alarm"]["errors"] = {**everything.ALARM, "threshold": 2.5, "ok_actions": []}
    resources["aws_kms_key"]["models"]["enable_key_rotation"] = False
    resources["aws_sns_topic"]["alarms"]["display_name"] = "Alarms"
    resources["aws_sns_topic_subscription"]["alarms"]["raw_message_delivery"] = True
    resources["aws_cloudwatch_dashboard"]["models"]["dashboard_body"] = json.dumps({"widgets": []})
    resources["aws_s3_bucket_lifecycle_configuration"]["models"]["rule"].pop()
    resources["aws_s3_bucket_ownership_controls"]["models"]["rule"][0]["object_ownership"] = "BucketOwnerPreferred"
    resources["aws_iam_role"]["execution"]["max_session_duration"] = 7200
    resources["aws_iam_policy"]["access"]["policy"] = json.dumps(everything.LISTS_BUCKETS)
    resources["aws_kms_alias"]["models"]["name"] = "alias/everything-renamed"


def assert_changes(plan: dict[str, Any]) -> None:
    planned = actions(plan)
    replaced = {address: action for address, action in planned.items() if "/" in action}
    assert replaced == {
        "aws_sagemaker_model.model": "create/delete",
        "aws_sagemaker_endpoint_configuration.configuration": "create/delete",
        "aws_ecr_repository.plain": "delete/create",
        "aws_kms_alias.models": "delete/create",
    }
    # The policy attachment, the object's own key and whatever has neither tags nor a change stay as they are.
    assert "aws_iam_role_policy_attachment.access" not in planned
    assert "aws_s3_bucket_versioning.models" not in planned
    assert planned["aws_sagemaker_endpoint.endpoint"] == planned["aws_s3_object_copy.model"] == "update"
    assert changed(plan, "aws_sagemaker_endpoint.endpoint") == {"endpoint_config_name", "tags_all"}
    assert changed(plan, "aws_s3_object.model") == {"source_hash", "etag", "version_id"}
    assert changed(plan, "aws_ecr_repository.models") == {"image_scanning_configuration", "tags_all"}
    assert changed(plan, "aws_cloudwatch_metric_alarm.errors") == {"threshold", "tags_all"}
