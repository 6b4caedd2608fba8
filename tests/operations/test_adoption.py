"""What exists in an account is taken over by the stacks as they are synthesised."""

import io
import json

import pytest
from rich.console import Console

from operations.adoption import candidates, plan_adoption, show_adoption
from operations.errors import AdoptionError
from operations.terraform import IMPORT_FILE, TerraformError
from tests.local_aws.account import Account as Services
from tests.operations.conftest import apply, terraform_data

BUCKET = "multi-model-local-models-123456789012-us-east-1"
ENDPOINT = "multi-model-local"


def shown(adoption) -> str:
    out = io.StringIO()
    show_adoption(adoption, Console(file=out, width=200))
    return out.getvalue()


def without_objects(terraform) -> None:
    """The artifacts of the golden files' models exist nowhere."""
    file = terraform.directory / "cdk.tf.json"
    document = json.loads(file.read_text())
    document["resource"].pop("aws_s3_object")
    file.write_text(json.dumps(document))


def test_a_bucket_is_adopted_and_what_it_lacks_is_made(account, write_synthesised):
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=BUCKET, Key="models/theirs.tar.gz", Body=b"kept")
    terraform = write_synthesised("models")
    without_objects(terraform)
    terraform.init()
    adoption = plan_adoption(terraform)
    assert adoption.imported["aws_s3_bucket.models_bucket"] == BUCKET
    assert "aws_s3_bucket_policy.models_bucket_tls_only" not in adoption.imported
    assert "  + aws_s3_bucket_policy.models_bucket_tls_only" in shown(adoption)
    assert "  ~ aws_s3_bucket_versioning.models_bucket_versioning" in shown(adoption)
    assert not (terraform.directory / IMPORT_FILE).exists()
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Suspended", "showing changes nothing"

    terraform.apply(adoption.plan)
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert s3.get_object(Bucket=BUCKET, Key="models/theirs.tar.gz")["Body"].read() == b"kept"
    assert not terraform.plan().changes
    assert plan_adoption(terraform) is None
    terraform.destroy()


def test_an_endpoint_is_adopted_and_goes_over_to_the_declared_configuration_in_place(account, write_synthesised):
    services = Services(account.aws)
    services.prepare()
    services.s3.create_bucket(Bucket=BUCKET)
    config = services.create_config(services.create_model())
    services.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=config)
    services.await_settled(ENDPOINT)
    document = json.loads((write_synthesised("endpoint").directory / "cdk.tf.json").read_text())
    image = document["resource"]["aws_sagemaker_model"]["model"]["primary_container"]["image"]
    # The setting `variant_name` is that of the endpoint, and nothing is watched for two minutes.
    wait = '"wait_interval_in_seconds": '
    replaced = {image: services.fake_image, "all-models": "AllTraffic", f"{wait}120": f"{wait}0"}
    terraform = write_synthesised("endpoint", **replaced)
    terraform.init()
    with pytest.raises(
        AdoptionError, match=r"(?s)replace.*aws_sagemaker_endpoint\.endpoint.*deployment_config.*update-endp"
    ):
        plan_adoption(terraform)

    # As the message says.
    services.client("cloudwatch").put_metric_alarm(
        AlarmName="any", Namespace="n", MetricName="m", EvaluationPeriods=1, Period=60, Threshold=1, Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    services.sagemaker.update_endpoint(
        EndpointName=ENDPOINT,
        EndpointConfigName=services.create_config(services.create_model()),
        DeploymentConfig={
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "any"}]},
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
            },
        },
    )
    before = services.await_settled(ENDPOINT)
    adoption = plan_adoption(terraform)
    assert adoption.imported == {
        "aws_cloudwatch_log_group.logs": f"/aws/sagemaker/Endpoints/{ENDPOINT}",
        "aws_sagemaker_endpoint.endpoint": ENDPOINT,
    }
    assert "  ~ aws_sagemaker_endpoint.endpoint\n" in shown(adoption)
    assert "0 to destroy" in shown(adoption)
    terraform.apply(adoption.plan)
    after = services.await_settled(ENDPOINT)
    assert after["EndpointStatus"] == "InService"
    assert after["CreationTime"] == before["CreationTime"]
    assert after["EndpointConfigName"] == document["resource"]["aws_sagemaker_endpoint_configuration"]["endpoint_configuration"]["name"]  # fmt: skip # noqa: E501
    assert not terraform.plan().changes
    assert_state_commands_work(terraform)
    terraform.destroy()
    services.s3.delete_bucket(Bucket=BUCKET)


@pytest.mark.parametrize("stack", ["state", "image", "models"])
def test_list_show_mv_rm_and_import_work_on_every_stack(write_synthesised, stack):
    terraform = write_synthesised(stack)
    if stack == "models":
        without_objects(terraform)
    apply(terraform)
    assert_state_commands_work(terraform)
    terraform.destroy()


def assert_state_commands_work(terraform) -> None:
    """`terraform state list`, `show`, `mv` and `rm`, and `terraform import`, on a stack that is deployed."""
    document = json.loads((terraform.directory / "cdk.tf.json").read_text())
    declared = sorted(f"{kind}.{name}" for kind, named in document["resource"].items() for name in named)
    assert sorted(terraform.state_list()) == declared
    kind, name = declared[0].split(".")
    assert f'resource "{kind}" "{name}"' in terraform.run("state", "show", "-no-color", declared[0])
    terraform.run("state", "mv", declared[0], f"{kind}.moved")
    assert f"{kind}.moved" in terraform.state_list()
    terraform.run("state", "mv", f"{kind}.moved", declared[0])
    # The id of a topic is not made of its arguments. SNS answers CreateTopic with the one that exists.
    kept = [address for address in declared if address.startswith("aws_sns_topic.")]
    declared = [address for address in declared if address not in kept]
    terraform.run("state", "rm", *declared)
    assert terraform.state_list() == kept
    identifiers = candidates(document, set())
    assert sorted(identifiers) == declared
    terraform.run("import", declared[0], identifiers[declared[0]])
    assert sorted(terraform.state_list()) == sorted(declared[:1] + kept)
    # All others at once, by import blocks. Some arguments are Terraform's own (force_destroy): an update in place.
    adoption = plan_adoption(terraform)
    assert sorted(adoption.imported) == declared[1:]
    assert {action for change in adoption.plan.changes for action in change.actions} <= {"update"}
    terraform.apply(adoption.plan)
    assert sorted(terraform.state_list()) == sorted(declared + kept)
    assert not terraform.plan().changes


def test_nothing_to_adopt_and_another_failure(account, write_stack, state_bucket):
    bucket = {"aws_s3_bucket": {"one": {"bucket": "is-not-there"}}}
    terraform = write_stack("dev-models", bucket, bucket=state_bucket)
    terraform.init()
    assert plan_adoption(terraform) is None
    broken = {**bucket, "aws_s3_object": {"two": {"bucket": "b", "key": "k", "no_such_argument": 1}}}
    write_stack("dev-models", broken, bucket=state_bucket)
    with pytest.raises(TerraformError, match="no_such_argument"):
        plan_adoption(terraform)
    assert not (terraform.directory / IMPORT_FILE).exists()


def test_what_is_known_or_renamed_is_no_candidate():
    document = {
        "resource": {
            "aws_s3_bucket": {"bucket": {"bucket": "name"}, "known": {"bucket": "known"}, "new": {"bucket": "new"}},
            "aws_s3_bucket_versioning": {"versioning": {"bucket": "${aws_s3_bucket.bucket.bucket}"}},
            "aws_s3_object": {"model": {"bucket": "${aws_s3_bucket.bucket.bucket}", "key": "models/a/1.tar.gz"}},
            "aws_iam_role_policy": {"rights": {"role": "role", "name": "execution", "policy": "{}"}},
            "terraform_data": {"never": {"input": "x"}},
        },
        "moved": [{"from": "aws_s3_bucket.old", "to": "aws_s3_bucket.new"}],
    }
    assert candidates(document, {"aws_s3_bucket.known", "aws_s3_bucket.old"}) == {
        "aws_s3_bucket.bucket": "name",
        "aws_s3_bucket_versioning.versioning": "name",
        "aws_s3_object.model": "name/models/a/1.tar.gz",
        "aws_iam_role_policy.rights": "role:execution",
    }


def test_a_rename_with_a_moved_block_changes_nothing_and_one_without_is_shown(write_stack, state_bucket):
    terraform = write_stack("dev-models", terraform_data(old="1"), bucket=state_bucket)
    apply(terraform)
    write_stack("dev-models", terraform_data(new="1"), bucket=state_bucket)
    assert {change.address: change.symbol for change in terraform.plan().changes} == {
        "terraform_data.old": "-",
        "terraform_data.new": "+",
    }
    moved = [{"from": "terraform_data.old", "to": "terraform_data.new"}]
    write_stack("dev-models", terraform_data(new="1"), bucket=state_bucket, moved=moved)
    plan = terraform.plan()
    assert not plan.changes
    terraform.apply(plan)
    assert terraform.state_list() == ["terraform_data.new"]
    # By hand, and back.
    terraform.run("state", "mv", "terraform_data.new", "terraform_data.other")
    assert terraform.state_list() == ["terraform_data.other"]
    terraform.run("state", "mv", "terraform_data.other", "terraform_data.new")
    assert not terraform.plan().changes
