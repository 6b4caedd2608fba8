"""One screen on an environment's endpoints."""

import io
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from operations import observation as observation_module
from operations import status as status_module
from operations.connection import Connection
from operations.observation import Load, Observation, observe
from operations.status import status
from tests.operations.serving import Serving, model

Show = Callable[..., tuple[bool, str]]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """Runs `status` for a connection; what it answers and what it shows."""

    def run(connection: Connection, **options: Any) -> tuple[bool, str]:
        monkeypatch.setattr(status_module, "connect", lambda environment: nullcontext(connection))
        told = io.StringIO()
        return status("local", Console(file=told, width=120), **options), told.getvalue()

    return run


def await_invocations(serving: Serving, connection: Connection, count: int) -> Observation:
    """The observation once CloudWatch has so many invocations and the instances' own metrics."""
    (shard,) = connection.shards
    deadline = time.monotonic() + 20
    while True:
        found = observe(connection, shard, 60, 5, datetime.now(UTC))
        load = found.load
        if load is not None and load.invocations >= count and load.loaded_models is not None:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def put_alarm(serving: Serving, name: str, state: str) -> None:
    """An alarm without data, which comes to this state and stays in it."""
    cloudwatch = serving.account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Nobody",
        MetricName="sends",
        Statistic="Sum",
        Period=86_400,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching" if state == "OK" else "breaching",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test says so")


def test_what_an_endpoint_is_and_does(serving: Serving, show: Show) -> None:
    slow, fast = model("slow"), model("fast")
    connection = serving.connection(slow, fast)
    for item in (slow, fast):
        serving.put(item)
        serving.report_use(item, 2, 80.0 if item is slow else 8.0)
    for item in (slow, slow, fast, fast, fast):
        serving.account.invoke(serving.endpoint, item.current.key.removesuffix(".tar.gz"))
    serving.put(model("broken"), invoke_status=500)
    with pytest.raises(ClientError):
        serving.account.invoke(serving.endpoint, model("broken").current.key.removesuffix(".tar.gz"))
    put_alarm(serving, connection.shards[0].names.errors_alarm, "OK")
    found = await_invocations(serving, connection, 6)
    assert found.missing == {}
    assert found.instances is not None
    assert (found.instances.status, found.instances.current, found.instances.desired) == ("InService", 1, 1)
    assert found.instances.instance_type == "ml.m5.large"
    assert found.load is not None
    assert (found.load.invocations, found.load.hits, found.load.misses) == (6, 3, 3)
    assert (found.load.errors_4xx, found.load.errors_5xx) == (0, 1)
    assert found.load.hit_ratio == 0.5
    assert [(item.name, item.average_milliseconds) for item in found.slowest] == [("slow", 80), ("fast", 8)]
    assert [alarm.state for alarm in found.alarms] == ["OK"]
    assert found.cost is not None
    assert found.cost.instance_hours > 0
    assert found.cost.amount == pytest.approx(found.cost.instance_hours * 0.115)
    well, text = show(connection)
    assert well
    assert "\x1b" not in text
    for line in ("InService", "1 x ml.m5.large", "6 invocations", "50.00%; 3 cold starts", "slow: 80.0 ms on average"):
        assert line in text
    assert "about 0.00 USD for 0." in text


def test_json_has_the_same(serving: Serving, show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    show(serving.connection(model("m")), as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["status_version"], found["environment"]) == (1, "local")
    (endpoint,) = found["endpoints"]
    assert endpoint["endpoint"] == serving.endpoint
    assert endpoint["load"]["hit_ratio"] is None
    assert datetime.fromisoformat(endpoint["instances"]["created"]).tzinfo is not None


def test_an_endpoint_that_does_not_exist(serving: Serving, show: Show) -> None:
    well, text = show(serving.connection(model("m"), endpoint="nobody-made-it"))
    assert not well
    assert "nobody-made-it: ValidationException: Could not find endpoint" in text.replace(
        "ValidationError", "ValidationException"
    )


def test_an_alarm_or_one_that_is_missing_shows(serving: Serving, show: Show) -> None:
    connection = serving.connection(model("m"))
    name = connection.shards[0].names.errors_alarm
    serving.account.client("cloudwatch").delete_alarms(AlarmNames=[name])
    assert f"{name}: missing" in show(connection)[1]
    put_alarm(serving, name, "ALARM")
    well, text = show(connection)
    assert not well
    assert f"{name}: ALARM" in text


@pytest.mark.parametrize(
    ("read", "part", "action"),
    [
        ("_instances", "endpoint", "sagemaker:DescribeEndpoint"),
        ("_load", "metrics", "cloudwatch:GetMetricData"),
        ("_slowest", "models", "cloudwatch:GetMetricData"),
        ("_alarms", "alarms", "cloudwatch:DescribeAlarms"),
    ],
)
def test_without_a_permission_the_rest_shows(  # noqa: PLR0917 - fixtures and parameters
    serving: Serving, show: Show, monkeypatch: pytest.MonkeyPatch, read: str, part: str, action: str
) -> None:
    def denied(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "Any")

    monkeypatch.setattr(observation_module, read, denied)
    well, text = show(serving.connection(model("m")))
    assert not well
    assert f"no permission: it needs {action}" in text.replace("\n", " ")
    assert part in text
    assert "cost this month" in text


def test_no_invocations_are_no_hit_ratio() -> None:
    assert Load(0, 0, 0, 0, 0, None, None, None, None, None, None).hit_ratio is None
