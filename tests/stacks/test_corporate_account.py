"""What the stacks declare in an account whose owner has created, or wants, something of his own."""

import json
from typing import Any

import pytest

from stacks.access_rights import AccessRights
from stacks.names import Names
from stacks.partitions import partition_of
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import SMALL, changed

ACCOUNT = SMALL["account_id"]
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/platform/model-server"
ASSUMED = {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/deployer", "external_id": "42"}
EXISTING = {
    "execution_role_arn": ROLE,
    "state_bucket": "states",
    "state_folder": "vision",
    "models_bucket": "models",
    "models_folder": "vision",
    "repository": "vision/model-server",
}
ACCESS = {"github": {"repository": "acme/models"}}


def statements(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    parsed = parse_settings({"environments": {"dev": settings}}, {}).environments["dev"]
    rights = AccessRights(Names("dev", parsed))
    return {
        statement["Sid"]: statement
        for text in (rights.plan(), rights.deploy())
        for statement in json.loads(text)["Statement"]
    }


def test_what_exists_is_named_and_not_declared(synthesise):
    stacks = synthesise({"dev": changed(SMALL, existing=EXISTING)})
    assert sorted(stacks) == ["dev-endpoint", "dev-image", "dev-models"]
    declared = {type_ for stack in stacks.values() for type_ in stack["resource"]}
    assert not {type_ for type_ in declared if type_.startswith(("aws_s3_bucket", "aws_iam", "aws_ecr"))}
    model = stacks["dev-endpoint"]["resource"]["aws_sagemaker_model"]["model"]
    assert model["execution_role_arn"] == ROLE
    assert model["primary_container"]["model_data_url"] == "s3://models/vision/models/"
    assert model["primary_container"]["image"].startswith(
        f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/vision/model-server:"
    )
    objects = stacks["dev-models"]["resource"]["aws_s3_object"].values()
    # The expression makes the objects depend on the archive, and is the bucket's name.
    assert {item["bucket"] for item in objects} == {'${["models", terraform_data.archive.id][0]}'}
    assert all(item["key"].startswith("vision/models/") for item in objects)
    keys = {stack["terraform"]["backend"]["s3"]["key"] for stack in stacks.values()}
    assert keys == {f"vision/dev-{stack}/terraform.tfstate" for stack in ("endpoint", "image", "models")}


def test_each_shard_has_an_existing_bucket_of_its_own(synthesise):
    settings = changed(SMALL, existing={"models_bucket": "models"}, shards={"count": 2})
    stacks = synthesise({"dev": settings})
    assert stacks["dev-models-2"]["output"]["bucket"]["value"] == "models-2"
    assert "aws_s3_bucket" not in stacks["dev-models-2"].get("resource", {})


def test_every_role_has_the_boundary_and_every_role_and_policy_the_path(synthesise):
    settings = changed(
        SMALL,
        iam_path="/teams/vision/",
        permissions_boundary_arn=BOUNDARY,
        callers={"web": {"models": ["*"]}},
        access=ACCESS,
    )
    stacks = synthesise({"dev": settings})
    roles, policies = [
        [item for stack in stacks.values() for item in stack["resource"].get(type_, {}).values()]
        for type_ in ("aws_iam_role", "aws_iam_policy")
    ]
    assert (len(roles), len(policies)) == (3, 2)
    assert {(role["path"], role["permissions_boundary"]) for role in roles} == {("/teams/vision/", BOUNDARY)}
    assert {policy["path"] for policy in policies} == {"/teams/vision/"}
    (execution,) = stacks["dev-endpoint"]["resource"]["aws_iam_role"].values()
    model = stacks["dev-endpoint"]["resource"]["aws_sagemaker_model"]["model"]
    assert model["execution_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/teams/vision/{execution['name']}"


def test_a_change_of_path_changes_the_names_of_roles():
    names = [
        Names("dev", parse_settings({"environments": {"dev": settings}}, {}).environments["dev"])
        for settings in (SMALL, changed(SMALL, iam_path="/a/"), changed(SMALL, iam_path="/b/"))
    ]
    for every in ([item.role for item in names], [item.access_role("plan") for item in names]):
        assert len(set(every)) == 3
        assert all(name.startswith(every[0]) for name in every)


def test_provider_backend_and_programs_have_the_same_identity(synthesise):
    stacks = synthesise({"dev": changed(SMALL, assume_role=ASSUMED)})
    wanted = {**ASSUMED, "session_name": "multi-model-endpoint"}
    for stack in stacks.values():
        (provider,) = stack["provider"]["aws"]
        assert provider["assume_role"] == [wanted]
        assert provider["allowed_account_ids"] == [ACCOUNT]
        backend = stack["terraform"]["backend"]["s3"]
        assert (backend["assume_role"], backend["allowed_account_ids"]) == (wanted, [ACCOUNT])
    programs = [stacks["dev-image"]["resource"]["terraform_data"]["image"]]
    programs.append(stacks["dev-endpoint"]["resource"]["terraform_data"]["verification"])
    for program in programs:
        environment = program["provisioner"][0]["local-exec"]["environment"]
        assert {name: value for name, value in environment.items() if name.startswith("ASSUME_ROLE")} == {
            "ASSUME_ROLE_ARN": ASSUMED["role_arn"],
            "ASSUME_ROLE_EXTERNAL_ID": "42",
            "ASSUME_ROLE_SESSION_NAME": "multi-model-endpoint",
        }


def test_containers_without_a_network(synthesise, stacks):
    isolated = synthesise({"dev": changed(SMALL, network_isolation=True)})["dev-endpoint"]
    assert isolated["resource"]["aws_sagemaker_model"]["model"]["enable_network_isolation"] is True
    # Not even false, which would give every model of before another name.
    assert "enable_network_isolation" not in stacks["small-endpoint"]["resource"]["aws_sagemaker_model"]["model"]


class TestRights:
    def test_what_exists_is_not_written(self):
        found = statements(changed(SMALL, access=ACCESS, existing=EXISTING))
        gone = {"ReadBuckets", "WriteBuckets", "DeleteModelsBucket", "WriteRepository", "WriteExecutionRole"}
        assert not gone & set(found)
        assert found["ListModels"]["Resource"] == ["arn:aws:s3:::models", "arn:aws:s3:::models-*"]
        assert found["WriteModels"]["Resource"] == [
            f"arn:aws:s3:::{bucket}/vision/{objects}"
            for bucket in ("models", "models-*")
            for objects in ("models/*", "archive/*", "model-list.json")
        ]
        assert found["WriteStates"]["Resource"] == "arn:aws:s3:::states/vision/dev-*/terraform.tfstate"
        assert found["PassExecutionRole"]["Resource"] == [ROLE]
        assert ROLE not in found["ReadRoles"]["Resource"]

    def test_a_boundary_binds_the_roles_that_a_deployment_creates(self):
        found = statements(changed(SMALL, access=ACCESS, permissions_boundary_arn=BOUNDARY))
        assert found["WriteBoundedRole"]["Action"] == [
            "iam:CreateRole",
            "iam:PutRolePolicy",
            "iam:PutRolePermissionsBoundary",
        ]
        assert found["WriteBoundedRole"]["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        actions = {action for statement in found.values() for action in statement["Action"]}
        assert "iam:DeleteRolePermissionsBoundary" not in actions
        assert "iam:CreateRole" not in found["WriteExecutionRole"]["Action"]

    def test_the_rights_follow_the_path(self):
        found = statements(changed(SMALL, access=ACCESS, iam_path="/teams/"))
        arn = f"arn:aws:iam::{ACCOUNT}"
        assert found["WriteCallers"]["Resource"] == [f"{arn}:policy/teams/multi-model-dev-*"]
        assert all(item.startswith(f"{arn}:role/teams/") for item in found["PassExecutionRole"]["Resource"])


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"])
def test_every_arn_is_the_partition_s(synthesise, region):
    name = partition_of(region).name
    role = f"arn:{name}:iam::{ACCOUNT}:role/model-server"
    existing = {**EXISTING, "execution_role_arn": role}
    boundary = f"arn:{name}:iam::{ACCOUNT}:policy/boundary"
    created = changed(SMALL, region=region, iam_path="/teams/", permissions_boundary_arn=boundary, access=ACCESS)
    used = changed(SMALL, region=region, existing=existing, assume_role={"role_arn": role})
    stacks = synthesise({"dev": created, "prod": used})
    assert len(stacks) == 8
    for stack in stacks.values():
        text = json.dumps(stack)
        assert text.count("arn:aws") == text.count(f"arn:{name}:")
