"""The protocol on the wire, with botocore as the client, and as Terraform's provider sends it."""

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.model
import pytest
import requests
from botocore.exceptions import ClientError

from tests.local_aws.account import Account, Signature, unique

RECORDING = Path(__file__).parent.parent / "recordings" / "cbor.jsonl.gz"


@pytest.fixture
def cbor_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that botocore makes speak this protocol where they can."""
    others = [name for name in botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS if name != "smithy-rpc-v2-cbor"]
    monkeypatch.setattr(botocore.model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", ("smithy-rpc-v2-cbor", *others))


@pytest.fixture
def cloudwatch(account: Account, cbor_first: None) -> Any:
    client = account.client("cloudwatch")
    # The model is read when it is first asked for, while the order holds.
    assert client.meta.service_model.resolved_protocol == "smithy-rpc-v2-cbor"
    return client


@pytest.fixture
def session(account: Account) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = Signature(account.key, "monitoring")
        session.headers["smithy-protocol"] = "rpc-v2-cbor"
        yield session


class TestBotocore:
    def test_an_alarm_and_its_tags(self, cloudwatch: Any) -> None:
        name = unique("alarm")
        alarm = {
            "AlarmName": name,
            "MetricName": "Invocation5XXErrors",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": "a"}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.1,
            "ComparisonOperator": "GreaterThanThreshold",
            "ActionsEnabled": False,
        }
        answer = cloudwatch.put_metric_alarm(**alarm, Tags=[{"Key": "Team", "Value": "ml"}])
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert headers["smithy-protocol"] == "rpc-v2-cbor"
        assert "content-type" not in headers and headers["content-length"] == "0"
        answer = cloudwatch.describe_alarms(AlarmNames=[name])
        assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/cbor"
        (found,) = answer["MetricAlarms"]
        assert {key: found[key] for key in alarm} == alarm
        assert abs((datetime.now(UTC) - found["StateUpdatedTimestamp"]).total_seconds()) < 60
        tags = cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
        assert tags == [{"Key": "Team", "Value": "ml"}]

    def test_metrics_that_the_client_compresses(self, cloudwatch: Any) -> None:
        namespace, now = unique("Namespace"), datetime.now(UTC).replace(microsecond=0)
        data = [{"MetricName": f"metric-{n}", "Value": n / 3, "Timestamp": now, "Unit": "Seconds"} for n in range(500)]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
        found = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName="metric-499",
            StartTime=datetime(2020, 1, 1, tzinfo=UTC),
            EndTime=datetime(2100, 1, 1, tzinfo=UTC),
            Period=10**9,
            Statistics=["Sum"],
        )["Datapoints"]
        assert [point["Sum"] for point in found] == [499 / 3]

    def test_errors_are_those_of_the_service(self, cloudwatch: Any, account: Account) -> None:
        for client in (cloudwatch, account.client("cloudwatch")):
            with pytest.raises(client.exceptions.ResourceNotFound) as error:
                client.get_dashboard(DashboardName="nothing")
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            assert error.value.response["Error"]["Code"] == "ResourceNotFound"

    def test_another_service(self, account: Account, cbor_first: None) -> None:
        client = account.client("servicediscovery")
        assert client.meta.service_model.resolved_protocol == "smithy-rpc-v2-cbor"
        name = unique("namespace")
        assert client.create_http_namespace(Name=name)["OperationId"]
        assert name in [namespace["Name"] for namespace in client.list_namespaces()["Namespaces"]]
        with pytest.raises(ClientError) as error:
            client.get_namespace(Id="nothing")
        assert error.value.response["Error"]["Code"] == "NamespaceNotFound"


class TestOnTheWire:
    def test_what_the_provider_sends(self, account: Account, session: requests.Session) -> None:
        recorded = json.loads(gzip.decompress(RECORDING.read_bytes()))
        headers = {name: value for name, value in recorded["headers"].items() if name not in ("host", "content-length")}
        body = base64.b64decode(recorded["body"].removeprefix("base64:"))
        answer = session.post(account.url + recorded["raw_path"], body, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
        assert answer.headers["x-amzn-requestid"]
        (alarm,) = account.client("cloudwatch").describe_alarms(AlarmNames=["review-errors"])["MetricAlarms"]
        assert (alarm["Threshold"], alarm["ActionsEnabled"], len(alarm["Dimensions"])) == (5, True, 2)

    @pytest.mark.parametrize(
        ("path", "body", "expected"),
        [
            ("/service/GraniteServiceVersion20100801/operation/Nothing", b"\xa0", (404, b"UnknownOperationException")),
            ("/service/NoSuchService/operation/ListAlarms", b"\xa0", (404, b"UnknownOperationException")),
            (
                "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm",
                b"\xff",
                (400, b"SerializationException"),
            ),
        ],
    )
    def test_what_nobody_understands(
        self, account: Account, session: requests.Session, path: str, body: bytes, expected: tuple[int, bytes]
    ) -> None:
        answer = session.post(account.url + path, body)
        assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
        assert answer.headers["content-type"] == "application/cbor"
        assert answer.status_code == expected[0]
        assert expected[1] in answer.content

    def test_a_bucket_of_that_name_is_a_bucket(self, account: Account) -> None:
        account.s3.create_bucket(Bucket="service")
        account.s3.put_object(Bucket="service", Key="a/operation/b", Body=b"content")
        assert account.s3.get_object(Bucket="service", Key="a/operation/b")["Body"].read() == b"content"
