"""Updates of an endpoint that is invoked meanwhile, by each policy: good ones lose no request, bad ones go back."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.account import BUCKET, Account, unique
from tests.local_aws.updates.load import Load
from tests.local_aws.updates.policies import POLICIES, deployment

INSTANCES = 2


class Served:
    """An endpoint in service with alarms on its errors and, with `slow_seconds`, on the p99 of its latency."""

    def __init__(self, account: Account, *, slow_seconds: float | None = None) -> None:
        self._account = account
        self._cloudwatch = account.client("cloudwatch")
        self.endpoint, self.prefix = account.serve(InitialInstanceCount=INSTANCES)
        for number in range(3):
            account.put_model(self.prefix, f"m{number}")
        self.config = self.describe()["EndpointConfigName"]
        self.alarms = [self._alarm("Invocation5XXErrors", Statistic="Sum", Threshold=0)]
        if slow_seconds is not None:
            self.alarms.append(self._alarm("ModelLatency", ExtendedStatistic="p99", Threshold=slow_seconds * 1e6))

    def describe(self) -> dict[str, Any]:
        return self._account.sagemaker.describe_endpoint(EndpointName=self.endpoint)

    def update(self, policy: str, wait_seconds: int, **environment: str) -> str:
        """Begin an update to an image with `environment`; returns the new configuration's name."""
        model = self._account.create_model(environment=environment, ModelDataUrl=f"s3://{BUCKET}/{self.prefix}/")
        config = self._account.create_config(model, InitialInstanceCount=INSTANCES)
        self._account.sagemaker.update_endpoint(
            EndpointName=self.endpoint,
            EndpointConfigName=config,
            DeploymentConfig={
                **deployment(policy, wait_seconds),
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in self.alarms]},
            },
        )
        return config

    def _alarm(self, metric: str, **members: Any) -> str:
        name = unique("rollback")
        self._cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[
                {"Name": "EndpointName", "Value": self.endpoint},
                {"Name": "VariantName", "Value": "AllTraffic"},
            ],
            Period=60,
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            **members,
        )
        return name

    def end(self) -> None:
        self._account.sagemaker.delete_endpoint(EndpointName=self.endpoint)
        self._cloudwatch.delete_alarms(AlarmNames=self.alarms)


@pytest.mark.parametrize("policy", POLICIES)
def test_good_update_loses_no_invocation(account: Account, policy: str) -> None:
    served = Served(account)
    with Load(account, served.endpoint) as load:
        new = served.update(policy, wait_seconds=60)
        description = account.await_settled(served.endpoint, timeout_seconds=120)
        load.await_answers()
    assert load.failures == []
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", new)
    assert "FailureReason" not in description
    variant = description["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (INSTANCES, INSTANCES)
    assert load.pids[0] != load.pids[-1]  # the old fleet took requests, and the new one
    served.end()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"FAKE_STATUS": "500"}, "One or more configured alarms are in ALARM: {0}"),
        ({"FAKE_SECONDS": "1"}, "One or more configured alarms are in ALARM: {1}"),
        ({"FAKE_PING": "500"}, "did not pass the ping health check"),
    ],
    ids=["answers 500", "is slow", "is never healthy"],
)
def test_bad_update_goes_back(account: Account, policy: str, environment: dict[str, str], reason: str) -> None:
    # An alarm on latency could ring first, on a busy machine, where another reason is expected.
    served = Served(account, slow_seconds=0.7 if "FAKE_SECONDS" in environment else None)
    with Load(account, served.endpoint):
        new = served.update(policy, wait_seconds=600, **environment)
        while (description := served.describe())["EndpointStatus"] in ("Updating", "RollingBack"):
            assert description["PendingDeploymentSummary"]["EndpointConfigName"] == new
            time.sleep(0.05)
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", served.config)
    assert reason.format(*served.alarms) in description["FailureReason"]
    variant = description["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (INSTANCES, INSTANCES)
    for number in range(6):
        assert account.invoke(served.endpoint, f"m{number % 3}")["environment"].get("FAKE_STATUS") is None
    served.end()


def test_scaling_in_and_out_loses_no_invocation(account: Account) -> None:
    served = Served(account)
    with Load(account, served.endpoint) as load:
        for count in (3, 1):
            account.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=served.endpoint,
                DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
            )
            variant = account.await_settled(served.endpoint, timeout_seconds=60)["ProductionVariants"][0]
            assert variant["CurrentInstanceCount"] == count
    assert load.failures == []
    served.end()


def test_alarm_that_does_not_exist_is_refused(account: Account) -> None:
    served = Served(account)
    served.alarms.append("nothing")
    with pytest.raises(ClientError, match="These CloudWatch alarms do not exist: nothing"):
        served.update("canary", wait_seconds=0)
    assert served.describe()["EndpointStatus"] == "InService"
    served.alarms.remove("nothing")
    served.end()
