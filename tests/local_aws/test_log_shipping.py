"""Containers' lines in CloudWatch Logs, and log groups that are deleted."""

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from local_aws.log_shipping import LogShipper
from tests.local_aws.account import Account, unique


@pytest.fixture
def shipper(account: Account) -> LogShipper:
    """Ships when a file is forgotten; its thread does not run."""
    return LogShipper(account.client("logs"))


def write(path: Path, line: str) -> None:
    with path.open("a") as log:
        log.write(line + "\n")


def groups(account: Account, name: str) -> list[str]:
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return [group["logGroupName"] for group in found]


def messages(account: Account, group: str) -> list[str]:
    return [event["message"] for event in account.client("logs").filter_log_events(logGroupName=group)["events"]]


def test_the_first_line_makes_the_group(account: Account, shipper: LogShipper, tmp_path: Path) -> None:
    group, log = unique("/group/a"), tmp_path / "log"
    shipper.follow(log, group, "stream")
    shipper.ship_all()
    assert groups(account, group) == []
    write(log, "one")
    shipper.ship_all()
    write(log, "two")
    shipper.forget(log)
    assert messages(account, group) == ["one", "two"]


def test_a_deleted_group_stays_deleted(
    account: Account, shipper: LogShipper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group, log = unique("/group/a"), tmp_path / "log"
    shipper.follow(log, group, "stream")
    write(log, "one")
    shipper.ship_all()
    account.client("logs").delete_log_group(logGroupName=group)
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            write(log, "two")
            shipper.ship_all()
        write(log, "three")
        shipper.forget(log)
    assert groups(account, group) == []
    assert [record.getMessage() for record in caplog.records if record.name == "local_aws.log_shipping"] == [
        f"the log group {group} was deleted; what stream writes is not kept"
    ]
    assert not [record for record in caplog.records if record.exc_info]


class SlowLogs:
    """A log service that is slow for the group `slow`."""

    def __init__(self) -> None:
        self.sending = threading.Event()
        self.go_on = threading.Event()
        self.sent: list[str] = []

    def create_log_group(self, **_: Any) -> None: ...

    def create_log_stream(self, **_: Any) -> None: ...

    def put_log_events(self, *, logGroupName: str, logEvents: list[dict[str, Any]], **_: Any) -> None:
        if logGroupName == "slow":
            self.sending.set()
            assert self.go_on.wait(10)
        self.sent.extend(event["message"] for event in logEvents)


class TestForgottenFiles:
    """Their log groups can be deleted, whatever the thread is at."""

    def test_forgetting_waits_for_lines_on_their_way(self, tmp_path: Path) -> None:
        logs, log = SlowLogs(), tmp_path / "log"
        shipper = LogShipper(logs)
        shipper.follow(log, "slow", "stream")
        write(log, "one")
        thread = threading.Thread(target=shipper.ship_all)
        thread.start()
        assert logs.sending.wait(10)
        forgetting = threading.Thread(target=shipper.forget, args=(log,))
        forgetting.start()
        forgetting.join(0.2)
        assert forgetting.is_alive()
        logs.go_on.set()
        forgetting.join()
        thread.join()
        assert logs.sent == ["one"]

    def test_nothing_is_sent_afterwards(self, tmp_path: Path) -> None:
        logs, slow, other = SlowLogs(), tmp_path / "slow", tmp_path / "other"
        shipper = LogShipper(logs)
        shipper.follow(slow, "slow", "stream")
        shipper.follow(other, "other", "stream")
        write(slow, "slow")
        thread = threading.Thread(target=shipper.ship_all)
        thread.start()
        assert logs.sending.wait(10)
        write(other, "last")
        shipper.forget(other)
        write(other, "after the end")
        logs.go_on.set()
        thread.join()
        assert logs.sent == ["last", "slow"]
