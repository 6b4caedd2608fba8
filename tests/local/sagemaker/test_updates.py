"""Updates of an endpoint that is being invoked, over HTTP, by each policy: good ones lose no request, bad ones go back.

A second of a wait and of an alarm's period takes 0.02 s here; SageMaker's other time limits are its own.
"""

import itertools
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import pytest
from botocore.exceptions import ClientError

from local.process import LocalAws
from tests.local.account import BUCKET, Account, unique

INSTANCES = 2
POLICIES = ("all at once", "canary", "linear", "rolling")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("updates")
    with LocalAws(
        directory=folder / "run",
        port=0,
        provider="none",
        runtime="process",
        startup_health_check_seconds=4,
        time_factor=0.02,
        log_file=folder / "aws.log",
    ) as aws:
        account = Account(aws.url)
        account.prepare()
        yield account


class Load:
    """A few invocations a second until it ends; at most two at a time."""

    def __init__(self, account: Account, endpoint: str) -> None:
        self._account = account
        self._endpoint = endpoint
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]
        self.pids: list[int] = []
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        for number in itertools.count():
            try:
                self.pids.append(self._account.invoke(self._endpoint, f"m{number % 3}")["pid"])
            except ClientError as error:
                self.failures.append(str(error))
            if self._stop.wait(0.15):
                return


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


def deployment(policy: str, wait_seconds: int) -> dict[str, Any]:
    half = {"Type": "CAPACITY_PERCENT", "Value": 50}
    if policy == "rolling":
        return {"RollingUpdatePolicy": {"MaximumBatchSize": half, "WaitIntervalInSeconds": wait_seconds}}
    routing: dict[str, Any] = {"Type": policy.upper().replace(" ", "_"), "WaitIntervalInSeconds": wait_seconds}
    if policy == "canary":
        routing["CanarySize"] = half
    if policy == "linear":
        routing["LinearStepSize"] = half
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": wait_seconds}}


@pytest.mark.parametrize("policy", POLICIES)
def test_good_update_loses_no_invocation(account: Account, policy: str) -> None:
    served = Served(account)
    with Load(account, served.endpoint) as load:
        new = served.update(policy, wait_seconds=60)
        description = account.await_settled(served.endpoint, timeout_seconds=120)
    assert load.failures == []
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", new)
    assert "FailureReason" not in description
    variant = description["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (INSTANCES, INSTANCES)
    assert len(set(load.pids)) > INSTANCES  # both fleets took requests
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
    served = Served(account, slow_seconds=0.7)
    with Load(account, served.endpoint):
        new = served.update(policy, wait_seconds=600, **environment)
        while (description := served.describe())["EndpointStatus"] in ("Updating", "RollingBack"):
            assert description["PendingDeploymentSummary"]["EndpointConfigName"] == new
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", served.config)
    assert reason.format(*served.alarms) in description["FailureReason"]
    variant = description["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (INSTANCES, INSTANCES)
    for number in range(6):
        assert account.invoke(served.endpoint, f"m{number % 3}")["environment"].get("FAKE_STATUS") is None
    served.end()


def test_alarm_that_does_not_exist_is_refused(account: Account) -> None:
    served = Served(account)
    served.alarms.append("nothing")
    with pytest.raises(ClientError, match="These CloudWatch alarms do not exist: nothing"):
        served.update("canary", wait_seconds=0)
    assert served.describe()["EndpointStatus"] == "InService"
    served.alarms.remove("nothing")
    served.end()
