"""An account whose owner allows little: what exists is used, what is created has a path and a boundary, by one role."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from local_aws.account import ACCOUNT_ID
from local_aws.process import LocalAws
from operations.bootstrap import bootstrap_existing
from operations.terraform import TerraformError
from stacks.policies import trust_sagemaker
from tests.end_to_end.conftest import LocalAwsFactory
from tests.end_to_end.project import change_settings

IAM = f"arn:aws:iam::{ACCOUNT_ID}"
DEPLOYER = f"{IAM}:role/platform/deployer"
EXECUTION = f"{IAM}:role/platform/model-server"
EXISTING = {
    "execution_role_arn": EXECUTION,
    "state_bucket": "corporate-states",
    "state_folder": "vision",
    "models_bucket": "corporate-models",
    "models_folder": "vision",
    "repository": "vision/model-server",
}
ASSUME_ROLE = {"role_arn": DEPLOYER, "external_id": "vision-42"}


class Owner:
    """Who owns the account, and looks into it."""

    def __init__(self, aws: LocalAws) -> None:
        self._url = aws.url
        self._session = aws.session()

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url)

    def prepare(self) -> None:
        iam, s3 = self.client("iam"), self.client("s3")
        trust = {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": f"{IAM}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": ASSUME_ROLE["external_id"]}},
            },
        }
        iam.create_role(RoleName="deployer", Path="/platform/", AssumeRolePolicyDocument=json.dumps(trust))
        iam.create_role(
            RoleName="model-server", Path="/platform/", AssumeRolePolicyDocument=trust_sagemaker(ACCOUNT_ID)
        )
        for bucket in (EXISTING["state_bucket"], EXISTING["models_bucket"]):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            s3.put_object(Bucket=bucket, Key="of-another-team", Body=b"theirs")
        self.client("ecr").create_repository(repositoryName=EXISTING["repository"], imageTagMutability="IMMUTABLE")

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]

    def settings_of(self, bucket: str) -> list[str]:
        """What somebody has set of a bucket besides its versioning."""
        s3, found = self.client("s3"), []
        for name in ("policy", "lifecycle_configuration", "public_access_block", "bucket_ownership_controls"):
            try:
                getattr(s3, f"get_{name}" if name.startswith("bucket") else self._reader(name))(Bucket=bucket)
            except s3.exceptions.ClientError:
                continue
            found.append(name)
        return found

    @staticmethod
    def _reader(name: str) -> str:
        return f"get_{name}" if name == "public_access_block" else f"get_bucket_{name}"


def test_what_exists_is_used_and_left_alone(
    tmp_path: Path, project: Path, example_models: dict[str, ExampleModel], local_aws: LocalAwsFactory
) -> None:
    model = example_models["digits-mlp"]
    change_settings(project, existing=EXISTING, state_backend=None, assume_role=ASSUME_ROLE, network_isolation=True)
    with local_aws() as aws:
        owner = Owner(aws)
        owner.prepare()
        rehearsal = Rehearsal(tmp_path, aws, project)
        rehearsal.catalog.add(model.name, model.directory)
        rehearsal.deployment.synth()
        assert rehearsal.deployment.stacks == ("image", "models", "endpoint")
        before = owner.settings_of(EXISTING["models_bucket"])
        bootstrap_existing(rehearsal.deployment.terraform("image"), Console(quiet=True))

        plans = {stack: rehearsal.deploy(stack) for stack in rehearsal.deployment.stacks}
        created = {change.address.partition(".")[0] for plan in plans.values() for change in plan.changes}
        assert not created & {"aws_s3_bucket", "aws_s3_bucket_policy", "aws_ecr_repository", "aws_iam_role"}
        assert all(not plan.changes for plan in rehearsal.plan().values())
        prediction, _ = rehearsal.invoke(model)
        assert prediction.best.label == model.expected_label

        sagemaker, endpoint = owner.client("sagemaker"), rehearsal.describe_endpoint()
        configuration = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        served = sagemaker.describe_model(ModelName=configuration["ProductionVariants"][0]["ModelName"])
        assert (served["ExecutionRoleArn"], served["EnableNetworkIsolation"]) == (EXECUTION, True)
        assert served["PrimaryContainer"]["ModelDataUrl"] == "s3://corporate-models/vision/models/"
        assert f"/{EXISTING['repository']}:" in served["PrimaryContainer"]["Image"]
        rights = json.loads(rehearsal.deployment.terraform("endpoint").outputs()["execution_rights"])
        assert rights["Statement"][0]["Resource"] == "arn:aws:s3:::corporate-models/vision/models/*"
        assert sorted(owner.keys(EXISTING["state_bucket"])) == [
            "of-another-team",
            *(f"vision/local-{stack}/terraform.tfstate" for stack in ("endpoint", "image", "models")),
        ]

        rehearsal.destroy()
        assert owner.keys(EXISTING["models_bucket"]) == ["of-another-team"]
        assert owner.settings_of(EXISTING["models_bucket"]) == before
        assert owner.client("ecr").describe_images(repositoryName=EXISTING["repository"])["imageDetails"]
        assert owner.client("iam").get_role(RoleName="model-server")

        # A role that may not be assumed stops every call: the backend's first.
        change_settings(project, assume_role={"role_arn": DEPLOYER, "external_id": "vision-43"})
        rehearsal.deployment.synth()
        with pytest.raises(TerraformError, match="AccessDenied"):
            rehearsal.deployment.terraform("models").init()


def test_what_is_created_has_the_path_and_the_boundary_and_a_change_of_path_is_no_outage(
    tmp_path: Path, project: Path, example_models: dict[str, ExampleModel], local_aws: LocalAwsFactory
) -> None:
    model = example_models["digits-mlp"]
    with local_aws() as aws:
        owner = Owner(aws)
        iam = owner.client("iam")
        policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
        access = {"github": {"repository": "acme/models"}}
        change_settings(project, callers={"web": {"models": ["*"]}}, access=access)
        rehearsal = Rehearsal(tmp_path, aws, project)
        rehearsal.catalog.add(model.name, model.directory)
        deploy = rehearsal.deployment
        deploy.synth()
        for stack in deploy.stacks:
            rehearsal.deploy(stack)
        before = rehearsal.describe_endpoint()

        change_settings(project, iam_path="/teams/vision/", permissions_boundary_arn=boundary)
        deploy.synth()
        changes = {
            change.address: change.symbol for stack in deploy.stacks for change in rehearsal.deploy(stack).changes
        }
        assert changes["aws_iam_role.execution_role"] == "+/-"
        assert changes["aws_sagemaker_endpoint.endpoint"] == "~"
        assert all(not plan.changes for plan in rehearsal.plan().values())
        assert rehearsal.describe_endpoint()["CreationTime"] == before["CreationTime"]
        rehearsal.invoke(model)

        # Both kinds of role have gone to the path, and nothing of before is left.
        roles = iam.list_roles(PathPrefix="/teams/vision/")["Roles"]
        assert sorted(role["RoleName"].split("-")[-2] for role in roles if "-ci-" in role["Arn"]) == ["deploy", "plan"]
        assert len(roles) == 3 and len(iam.list_roles(PathPrefix="/")["Roles"]) == 3
        bounded = [iam.get_role(RoleName=role["RoleName"])["Role"]["PermissionsBoundary"] for role in roles]
        assert {item["PermissionsBoundaryArn"] for item in bounded} == {boundary}
        policies = iam.list_policies(Scope="Local", PathPrefix="/teams/vision/")["Policies"]
        assert len(policies) == 2
        rehearsal.destroy()
        assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/")["Roles"]] == []
