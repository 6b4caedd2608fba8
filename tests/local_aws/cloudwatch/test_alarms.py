"""Alarms over HTTP with boto3: they ring, notify, keep their history. A minute takes 1.2 s in the tests' local AWS."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.account import Account, unique


def eventually(condition: Callable[[], Any], timeout_seconds: float = 20) -> Any:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(condition)


class Topic:
    """An SNS topic, and a queue that gets what is published to it."""

    def __init__(self, account: Account) -> None:
        name = unique("alarms")
        self._sqs, sns = account.client("sqs"), account.client("sns")
        self.arn = sns.create_topic(Name=name)["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:123456789012:{name}")

    def next_message(self) -> tuple[str, dict[str, Any]]:
        """Subject and content."""

        def received() -> list[dict[str, Any]]:
            return self._sqs.receive_message(QueueUrl=self._queue).get("Messages", [])

        message = eventually(received)[0]
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        envelope = json.loads(message["Body"])
        return envelope["Subject"], json.loads(envelope["Message"])


@pytest.fixture(scope="module")
def cloudwatch(account: Account) -> Any:
    return account.client("cloudwatch")


@pytest.fixture
def name(cloudwatch: Any) -> Iterator[str]:
    """An alarm's name, which is also its metric's."""
    name = unique("alarm")
    yield name
    cloudwatch.delete_alarms(AlarmNames=[name])


def put_alarm(cloudwatch: Any, name: str, **overrides: Any) -> None:
    members = {
        "AlarmName": name,
        "Namespace": "Tests",
        "MetricName": name,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5,
        "TreatMissingData": "notBreaching",
        **overrides,
    }
    cloudwatch.put_metric_alarm(**{key: value for key, value in members.items() if value is not None})


def described(cloudwatch: Any, name: str) -> dict[str, Any]:
    return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def await_state(cloudwatch: Any, name: str, state: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        found = described(cloudwatch, name)
        return found if found["StateValue"] == state else None

    return eventually(reached)


def history(cloudwatch: Any, name: str, kind: str) -> list[dict[str, Any]]:
    return cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType=kind)["AlarmHistoryItems"]


def test_rings_notifies_and_comes_back(account: Account, cloudwatch: Any, name: str) -> None:
    topic = Topic(account)
    put_alarm(cloudwatch, name, AlarmActions=[topic.arn], OKActions=[topic.arn], AlarmDescription="too many")
    quiet = await_state(cloudwatch, name, "OK")
    assert "1 missing datapoint was treated as [NonBreaching]" in quiet["StateReason"]
    assert topic.next_message()[1]["OldStateValue"] == "INSUFFICIENT_DATA"

    cloudwatch.put_metric_data(Namespace="Tests", MetricData=[{"MetricName": name, "Values": [1.0], "Counts": [6]}])
    subject, message = topic.next_message()
    assert subject == f'ALARM: "{name}" in US East (N. Virginia)'
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    assert message["AlarmDescription"] == "too many"
    assert message["Trigger"]["MetricName"] == name
    assert message["Trigger"]["Statistic"] == "SUM"
    assert message["NewStateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [6.0 (")
    assert message["NewStateReason"].endswith(
        "was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )

    subject, message = topic.next_message()
    assert subject.startswith("OK: ")
    assert message["OldStateValue"] == "ALARM"

    updates = [item["HistorySummary"] for item in history(cloudwatch, name, "StateUpdate")]
    assert updates == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
    ]
    actions = eventually(lambda: len(found := history(cloudwatch, name, "Action")) == 3 and found)
    assert {item["HistorySummary"] for item in actions} == {f"Successfully executed action {topic.arn}"}
    assert [item["HistorySummary"] for item in history(cloudwatch, name, "ConfigurationUpdate")] == [
        f'Alarm "{name}" created'
    ]


def test_a_new_alarm_knows_nothing(cloudwatch: Any, name: str) -> None:
    put_alarm(cloudwatch, name, TreatMissingData="ignore")
    found = described(cloudwatch, name)
    assert found["StateValue"] == "INSUFFICIENT_DATA"
    assert found["StateReason"] == "Unchecked: Initial alarm creation"


def test_a_state_that_was_set_stays_where_missing_data_are_ignored_and_goes_where_they_are_not(
    cloudwatch: Any, name: str
) -> None:
    put_alarm(cloudwatch, name, TreatMissingData="ignore")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="rehearsal")
    found = described(cloudwatch, name)
    assert (found["StateValue"], found["StateReason"]) == ("ALARM", "rehearsal")
    put_alarm(cloudwatch, name, TreatMissingData="ignore", Threshold=7)
    found = described(cloudwatch, name)
    assert (found["StateValue"], found["StateReason"], found["Threshold"]) == ("ALARM", "rehearsal", 7)
    put_alarm(cloudwatch, name, TreatMissingData="notBreaching")
    found = await_state(cloudwatch, name, "OK")
    assert found["StateUpdatedTimestamp"] >= found["AlarmConfigurationUpdatedTimestamp"]
    assert json.loads(found["StateReasonData"])["threshold"] == 5


def test_setting_a_state_notifies(account: Account, cloudwatch: Any, name: str) -> None:
    topic = Topic(account)
    put_alarm(cloudwatch, name, TreatMissingData="ignore", AlarmActions=[topic.arn])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="rehearsal")
    _, message = topic.next_message()
    assert message["NewStateReason"] == "rehearsal"
    item = history(cloudwatch, name, "StateUpdate")[0]
    assert json.loads(item["HistoryData"])["newState"]["stateReason"] == "rehearsal"


def test_an_action_that_cannot_be_executed_is_in_the_history(cloudwatch: Any, name: str) -> None:
    gone = "arn:aws:sns:us-east-1:123456789012:nothing"
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    put_alarm(cloudwatch, name, TreatMissingData="ignore", AlarmActions=[gone, function])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="rehearsal")
    items = eventually(lambda: len(found := history(cloudwatch, name, "Action")) == 2 and found)
    summaries = sorted(item["HistorySummary"] for item in items)
    assert summaries[0].startswith(f"Failed to execute action {function}")
    assert "SNS topics and scaling policies only" in summaries[0]
    assert summaries[1].startswith(f"Failed to execute action {gone}")


def test_disabled_actions_are_not_executed(account: Account, cloudwatch: Any, name: str) -> None:
    topic = Topic(account)
    put_alarm(cloudwatch, name, TreatMissingData="ignore", AlarmActions=[topic.arn], ActionsEnabled=False)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="silent")
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="between")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="loud")
    assert topic.next_message()[1]["NewStateReason"] == "loud"


def test_history_has_pages_and_outlives_its_alarm(cloudwatch: Any, name: str) -> None:
    put_alarm(cloudwatch, name, TreatMissingData="ignore")
    for state in ("ALARM", "OK"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="rehearsal")
    cloudwatch.delete_alarms(AlarmNames=[name])
    found, token = [], {}
    while True:
        page = cloudwatch.describe_alarm_history(AlarmName=name, MaxRecords=1, ScanBy="TimestampAscending", **token)
        found += [item["HistorySummary"] for item in page["AlarmHistoryItems"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == [
        f'Alarm "{name}" created',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Alarm updated from ALARM to OK",
        f'Alarm "{name}" deleted',
    ]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"Period": 45}, "ValidationError", "neither 10, 20, 30 nor a multiple of 60"),
        ({"Statistic": None, "ExtendedStatistic": "tm90"}, "InvalidParameterValue", "evaluates no statistic tm90"),
    ],
)
def test_what_would_never_ring_is_refused(
    cloudwatch: Any, name: str, members: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        put_alarm(cloudwatch, name, **members)
    assert error.value.response["Error"]["Code"] == code
    assert not cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]


def test_errors_of_an_endpoint_ring(account: Account, cloudwatch: Any, name: str) -> None:
    endpoint, prefix = account.serve()
    account.put_model(prefix, "broken", invoke_status=500)
    put_alarm(
        cloudwatch,
        name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        Threshold=0,
    )
    await_state(cloudwatch, name, "OK")
    with pytest.raises(ClientError):
        account.invoke(endpoint, "broken")
    assert "[1.0 (" in await_state(cloudwatch, name, "ALARM")["StateReason"]


def test_latency_of_an_endpoint_rings_by_its_percentile(account: Account, cloudwatch: Any, name: str) -> None:
    endpoint, prefix = account.serve()
    account.put_model(prefix, "slow", invoke_seconds=0.3)
    put_alarm(
        cloudwatch,
        name,
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        Statistic=None,
        ExtendedStatistic="p99",
        Threshold=250_000,
    )
    account.invoke(endpoint, "slow")
    await_state(cloudwatch, name, "ALARM")
