"""Metrics in log lines, as CloudWatch Logs takes them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.model_server.telemetry.events import EventLog
from local_aws.cloudwatch.embedded_metrics import embedded_metrics
from local_aws.log_shipping import LogShipper
from tests.local_aws.account import Account, unique

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def line(**changes: Any) -> str:
    definition = {"Namespace": "N", "Dimensions": [["Model"]], "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}]}
    document = {
        "_aws": {
            "Timestamp": int(NOW.timestamp() * 1000),
            "CloudWatchMetrics": [definition | changes.pop("definition", {})],
        },
        "Model": "m",
        "Latency": [1.5, 2.5],
    }
    return json.dumps(document | changes)


def test_what_the_model_server_writes_is_taken() -> None:
    written: list[bytes] = []

    class Output:
        def write(self, text: bytes) -> None:
            written.append(text)

    EventLog(Output()).write_metrics(
        {"Model": "m/1.tar.gz"}, {"Invocations": ("Count", 3), "Latency": ("Milliseconds", [1.0, 2.0, 6.0])}
    )
    found = {item.metric: item for item in embedded_metrics(written[0].decode(), datetime.now(UTC))}
    assert found["Invocations"].sample.values.total == 3
    assert found["Latency"].dimensions == {"Model": "m/1.tar.gz"}
    values = found["Latency"].sample.values
    assert (values.count, values.total, values.minimum, values.maximum) == (3, 9, 1, 6)
    assert (found["Latency"].namespace, found["Latency"].unit) == ("MultiModelServer", "Milliseconds")


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        '{"event": "request"}',
        line(Model=7),
        line(Model=""),
        line(Latency="slow"),
        line(Latency=[]),
        line(Latency=[1.0] * 101),
        line(Latency=True),
        line(Latency=float("nan")),
        line(definition={"Dimensions": [["Endpoint"]]}),
        line(definition={"Namespace": None}),
        line(definition={"Metrics": [{"Name": "Other"}]}),
        line(definition={"Metrics": [{"Name": "Latency"}] * 101}),
    ],
)
def test_any_other_line_has_no_metric(text: str) -> None:
    assert embedded_metrics(text, NOW) == []


def test_too_old_and_too_new_values_are_not_taken() -> None:
    assert len(embedded_metrics(line(), NOW)) == 1
    assert embedded_metrics(line(), NOW + timedelta(days=15)) == []
    assert embedded_metrics(line(), NOW - timedelta(hours=3)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["_aws", "Timestamp", "a"]), inner),
)


@given(JSON, JSON)
def test_no_line_is_an_error(metrics: Any, stamp: Any) -> None:
    embedded_metrics(json.dumps({"_aws": {"Timestamp": stamp, "CloudWatchMetrics": metrics}}), NOW)
    embedded_metrics(json.dumps({"_aws": metrics}), NOW)


def test_lines_of_a_container_reach_cloudwatch(account: Account, tmp_path: Path) -> None:
    """The shipper hands on what the log took, and nothing of a log group that is gone."""
    handed: list[list[str]] = []
    shipper = LogShipper(account.client("logs"), handed.append)
    group, log = unique("/group/e"), tmp_path / "log"
    shipper.follow(log, group, "stream")
    log.write_text("one\ntwo\n")
    shipper.ship_all()
    assert handed == [["one", "two"]]
    account.client("logs").delete_log_group(logGroupName=group)
    log.write_text("one\ntwo\nthree\n")
    shipper.ship_all()
    assert handed == [["one", "two"]]
