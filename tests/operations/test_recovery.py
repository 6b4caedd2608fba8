"""What killed runs leave is taken over by the next plan, under real Terraform on the local AWS.

A killed run leaves AWS as it had changed it, and the state as it was before: each test brings about exactly that.
"""

import json
from collections.abc import Iterator

import pytest

from operations.recovery import Recovery, recover
from operations.terraform import IMPORT_FILE, Terraform
from tests.local_aws.account import Account as Services
from tests.operations.conftest import Account, apply, remote_of

ENDPOINT = "multi-model-local"
BUCKET = "multi-model-local-models-123456789012-us-east-1"
MODEL, CONFIGURATION = "aws_sagemaker_model.model", "aws_sagemaker_endpoint_configuration.endpoint_configuration"
TAGS = [{"Key": "Environment", "Value": "local"}, {"Key": "ManagedBy", "Value": "cdktf"}]


@pytest.fixture
def services(account: Account) -> Iterator[Services]:
    made = Services(account.aws)
    made.s3.create_bucket(Bucket=BUCKET)
    made.ecr.create_repository(repositoryName="recovery")
    made.fake_image = made.push_fake("recovery")
    yield made
    made.ecr.delete_repository(repositoryName="recovery", force=True)
    made.s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def write(write_synthesised, services):
    """Writes a version of the endpoint's stack. Its model and configuration are named after the version."""

    def written(version: str) -> Terraform:
        terraform = write_synthesised(
            "endpoint", **{'"wait_interval_in_seconds": 120': '"wait_interval_in_seconds": 0'}
        )
        file = terraform.directory / "cdk.tf.json"
        document = json.loads(file.read_text())
        resources = document["resource"]
        resources["aws_sagemaker_model"]["model"]["name"] = f"model-{version}"
        resources["aws_sagemaker_model"]["model"]["primary_container"]["image"] = services.fake_image
        resources["aws_sagemaker_endpoint_configuration"]["endpoint_configuration"]["name"] = f"configuration-{version}"
        file.write_text(json.dumps(document))
        return terraform

    return written


def names(services: Services) -> tuple[list[str], list[str]]:
    """The models and configurations of either version that exist. Other tests of this account have theirs."""
    models = {item["ModelName"] for item in services.sagemaker.list_models(MaxResults=100)["Models"]}
    listed = services.sagemaker.list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
    configurations = {item["EndpointConfigName"] for item in listed}
    return (
        sorted({"model-one", "model-two"} & models),
        sorted({"configuration-one", "configuration-two"} & configurations),
    )


def actions(plan) -> dict[str, str]:
    return {change.address: change.symbol for change in plan.changes}


def assert_converged(terraform: Terraform, services: Services, version: str) -> None:
    described = services.await_settled(ENDPOINT)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", f"configuration-{version}")
    plan = terraform.plan()
    assert not plan.changes
    assert recover(terraform, plan) == Recovery({}, {})
    assert names(services) == ([f"model-{version}"], [f"configuration-{version}"]), "an orphan is left"
    assert not (terraform.directory / IMPORT_FILE).exists()


def test_a_killed_creation_is_taken_over(write, services):
    terraform = write("one")
    terraform.init()
    empty = remote_of(terraform)
    apply(terraform)
    created = services.await_settled(ENDPOINT)["CreationTime"]
    for version in services.s3.list_object_versions(Bucket=empty.bucket)["Versions"]:
        services.s3.delete_object(Bucket=empty.bucket, Key=version["Key"], VersionId=version["VersionId"])
    plan = terraform.plan()
    assert actions(plan)[MODEL] == "+"
    recovery = recover(terraform, plan)
    assert recovery.found == {
        "aws_cloudwatch_log_group.logs": f"/aws/sagemaker/Endpoints/{ENDPOINT}",
        "aws_iam_role.execution_role": "multi-model-local-us-east-1",
        "aws_sagemaker_endpoint.endpoint": ENDPOINT,
        "aws_ssm_parameter.endpoint_name_parameter": "/multi-model/local/endpoint-name",
        CONFIGURATION: "configuration-one",
        MODEL: "model-one",
    }
    assert not recovery.foreign
    plan = terraform.plan()
    assert not {MODEL, CONFIGURATION, "aws_sagemaker_endpoint.endpoint"} & set(actions(plan))
    terraform.apply(plan)
    assert_converged(terraform, services, "one")
    assert services.await_settled(ENDPOINT)["CreationTime"] == created
    terraform.destroy()


@pytest.mark.parametrize("killed", ["after the model", "before the end"])
def test_a_killed_update_is_taken_over_and_what_it_replaced_goes(write, services, killed):
    terraform = write("one")
    apply(terraform)
    remote = remote_of(terraform)
    before = services.s3.get_object(Bucket=remote.bucket, Key=remote.key)["Body"].read()
    terraform = write("two")
    if killed == "after the model":
        described = services.sagemaker.describe_model(ModelName="model-one")
        given = {name: described[name] for name in ("PrimaryContainer", "ExecutionRoleArn")}
        services.sagemaker.create_model(ModelName="model-two", Tags=TAGS, **given)
        found = {MODEL: "model-two"}
    else:
        apply(terraform)
        services.s3.put_object(Bucket=remote.bucket, Key=remote.key, Body=before)
        found = {MODEL: "model-two", CONFIGURATION: "configuration-two"}
    assert recover(terraform, terraform.plan()) == Recovery(found, {})
    plan = terraform.plan()
    if killed == "after the model":
        assert actions(plan) == {MODEL: "-", CONFIGURATION: "+/-", "aws_sagemaker_endpoint.endpoint": "~"}
    else:
        assert not actions(plan), "all was done but the saving of the state"
    terraform.apply(plan)
    assert_converged(terraform, services, "two")
    terraform.destroy()


def test_a_change_that_was_rolled_back_can_be_reverted(write, services):
    """The apply failed with the update: the new model and configuration are in the state, the old ones deposed."""
    apply(write("one"))
    terraform = write("two")
    for name, describe, create in (
        ("Model", services.sagemaker.describe_model, services.sagemaker.create_model),
        ("EndpointConfig", services.sagemaker.describe_endpoint_config, services.sagemaker.create_endpoint_config),
    ):
        kind = "model" if name == "Model" else "configuration"
        described = describe(**{f"{name}Name": f"{kind}-one"})
        members = ("PrimaryContainer", "ExecutionRoleArn", "ProductionVariants")
        given = {member: described[member] for member in members if member in described}
        for variant in given.get("ProductionVariants", ()):
            variant["ModelName"] = "model-two"
        create(**{f"{name}Name": f"{kind}-two"}, Tags=TAGS, **given)
    found = {MODEL: "model-two", CONFIGURATION: "configuration-two"}
    assert recover(terraform, terraform.plan()) == Recovery(found, {})

    terraform = write("one")
    plan = terraform.plan()
    # Terraform would create what exists.
    assert any(change.address == MODEL and "+" in change.symbol for change in plan.changes)
    assert recover(terraform, plan) == Recovery({MODEL: "model-one", CONFIGURATION: "configuration-one"}, {})
    plan = terraform.plan()
    assert set(actions(plan).values()) == {"-"}, actions(plan)
    terraform.apply(plan)
    assert_converged(terraform, services, "one")
    terraform.destroy()


def test_what_is_not_the_environments_own_is_left_alone(write, services):
    terraform = write("one")
    terraform.init()
    logs = services.client("logs")
    logs.create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{ENDPOINT}", tags={"Environment": "another"})
    plan = terraform.plan()
    found = recover(terraform, plan)
    assert found == Recovery({}, {"aws_cloudwatch_log_group.logs": f"/aws/sagemaker/Endpoints/{ENDPOINT}"})
    assert actions(terraform.plan()) == actions(plan)
    logs.delete_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{ENDPOINT}")
