"""Rollbacks as Terraform sees them: the apply fails with SageMaker's reason, and the next plan is the right one."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.account import REGION
from local_aws.process import PROJECT_ROOT, LocalAws
from local_aws.provider.server import ProviderServer
from tests.local_aws.account import BUCKET, ROLE, Account, unique
from tests.local_aws.provider.terraform import Terraform, actions
from tests.local_aws.updates.load import Load
from tests.local_aws.updates.policies import POLICIES, deployment

_BLOCKS = {
    "BlueGreenUpdatePolicy": "blue_green_update_policy",
    "RollingUpdatePolicy": "rolling_update_policy",
    "TrafficRoutingConfiguration": "traffic_routing_configuration",
    "CanarySize": "canary_size",
    "LinearStepSize": "linear_step_size",
    "MaximumBatchSize": "maximum_batch_size",
    "WaitIntervalInSeconds": "wait_interval_in_seconds",
    "TerminationWaitInSeconds": "termination_wait_in_seconds",
    "Type": "type",
    "Value": "value",
}


@pytest.fixture(scope="module")
def provider_server(local_aws: LocalAws) -> Iterator[ProviderServer]:
    server = ProviderServer(local_aws.url, local_aws.key)
    server.start()
    yield server
    server.stop()


def blocks(config: dict[str, Any]) -> dict[str, Any]:
    """An API's structure as Terraform's blocks."""
    return {_BLOCKS[name]: [blocks(value)] if isinstance(value, dict) else value for name, value in config.items()}


def resources(
    account: Account, name: str, update: dict[str, Any], version: int, environment: dict[str, str]
) -> dict[str, Any]:
    kept = {"lifecycle": {"create_before_destroy": True}}
    container: dict[str, Any] = {
        "image": account.fake_image,
        "mode": "MultiModel",
        "model_data_url": f"s3://{BUCKET}/{name}/",
        "environment": {"VERSION": str(version), **environment},
    }
    variant = {
        "variant_name": "AllTraffic",
        "model_name": "${aws_sagemaker_model.model.name}",
        "instance_type": "ml.m5.large",
        "initial_instance_count": 2,
    }
    alarm = {
        "alarm_name": name,
        "namespace": "AWS/SageMaker",
        "metric_name": "Invocation5XXErrors",
        "dimensions": {"EndpointName": name, "VariantName": "AllTraffic"},
        "statistic": "Sum",
        "period": 60,
        "evaluation_periods": 1,
        "comparison_operator": "GreaterThanThreshold",
        "threshold": 0,
        "treat_missing_data": "notBreaching",
    }
    endpoint = {
        "name": name,
        "endpoint_config_name": "${aws_sagemaker_endpoint_configuration.configuration.name}",
        "deployment_config": [
            {
                "auto_rollback_configuration": [
                    {"alarms": [{"alarm_name": "${aws_cloudwatch_metric_alarm.errors.alarm_name}"}]}
                ],
                **blocks(update),
            }
        ],
    }
    return {
        "aws_sagemaker_model": {
            "model": {
                "name": f"{name}-{version}",
                "execution_role_arn": ROLE,
                "primary_container": [container],
                **kept,
            }
        },
        "aws_sagemaker_endpoint_configuration": {
            "configuration": {"name": f"{name}-{version}", "production_variants": [variant], **kept}
        },
        "aws_cloudwatch_metric_alarm": {"errors": alarm},
        "aws_sagemaker_endpoint": {"endpoint": endpoint},
        "terraform_data": {"verification": verification(account, name)},
    }


def verification(account: Account, name: str) -> dict[str, Any]:
    """As the endpoint stack has it."""
    configuration = "${aws_sagemaker_endpoint_configuration.configuration.name}"
    return {
        "triggers_replace": {"configuration": "${aws_sagemaker_endpoint_configuration.configuration.id}"},
        "depends_on": ["aws_sagemaker_endpoint.endpoint"],
        "lifecycle": {"create_before_destroy": True},
        "provisioner": {
            "local-exec": {
                "interpreter": ["python3", "-m"],
                "command": "stacks.verify_endpoint",
                "working_dir": str(PROJECT_ROOT),
                "environment": {
                    "ENDPOINT_NAME": name,
                    "ENDPOINT_CONFIGURATION_NAME": configuration,
                    "AWS_REGION": REGION,
                    "AWS_ENDPOINT_URL": account.url,
                    "AWS_ACCESS_KEY_ID": account.key.id,
                    "AWS_SECRET_ACCESS_KEY": account.key.secret,
                    "PATH": os.environ["PATH"],
                },
            }
        },
    }


def await_ok(account: Account, alarm: str) -> None:
    cloudwatch, deadline = account.client("cloudwatch"), time.monotonic() + 60
    while cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] != "OK":
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("policy", POLICIES)
def test_apply_of_an_update_that_is_rolled_back_fails(
    account: Account, provider_server: ProviderServer, tmp_path: Path, policy: str
) -> None:
    name = unique("rolled-back")
    terraform = Terraform(tmp_path / "work", provider_server)
    provider = {
        "region": REGION,
        "endpoints": [dict.fromkeys(("sagemaker", "cloudwatch", "iam", "sts"), account.url)],
    }

    def configure(version: int, wait_seconds: int = 600, **environment: str) -> None:
        found = resources(account, name, deployment(policy, wait_seconds), version, environment)
        terraform.configure({"provider": {"aws": [provider]}, "resource": found})

    for number in range(3):
        account.put_model(name, f"m{number}")
    configure(1)
    terraform.apply()
    assert actions(terraform.plan()) == {}

    configure(2, FAKE_STATUS="500")
    with Load(account, name):
        output = terraform.apply_fails()
    if "unexpected state 'RollingBack'" not in output:  # what a provider says that looks in that moment
        assert f"it runs the configuration {name}-1: the update to {name}-2 was rolled back" in output
        assert f"One or more configured alarms are in ALARM: {name}" in output
    live = account.sagemaker.describe_endpoint(EndpointName=name)
    assert (live["EndpointStatus"], live["EndpointConfigName"]) == ("InService", f"{name}-1")
    # What serves is still there; the plan brings the update once more, and takes away what no longer serves then.
    account.sagemaker.describe_endpoint_config(EndpointConfigName=f"{name}-1")
    plan = terraform.plan()
    changes = plan["resource_changes"]
    assert actions({"resource_changes": [change for change in changes if "deposed" not in change]}) == {
        "aws_sagemaker_endpoint.endpoint": "update",
        "terraform_data.verification": "create/delete",
    }
    leftovers = actions({"resource_changes": [change for change in changes if "deposed" in change]})
    assert set(leftovers.values()) == {"delete"}
    assert {"aws_sagemaker_model.model", "aws_sagemaker_endpoint_configuration.configuration"} <= set(leftovers)

    # An alarm that still rings would roll back the good update as well.
    await_ok(account, name)
    configure(3, wait_seconds=10)
    terraform.apply()
    assert account.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] == f"{name}-3"
    assert actions(terraform.plan()) == {}
    terraform.run("destroy", "-auto-approve", "-input=false")
