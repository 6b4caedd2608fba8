"""Updates that fail leave nothing: the local AWS runs for days beside a developer who tries and tries again."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws.process import LocalAws
from tests.local_aws.account import BUCKET, Account, prepared_account, quick_local_aws
from tests.local_aws.updates.policies import deployment

UPDATES = 20
FEW = UPDATES // 2
"""Pools of threads and connections grow and shrink as they like; what each update left would be more."""


@dataclass(frozen=True)
class Remains:
    """What there is of a local AWS at one moment."""

    processes: int
    files: Counter[str]
    descriptors: Counter[str]
    threads: int
    instances: list[str]


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with quick_local_aws(tmp_path, startup_health_check_seconds=0.8) as aws:
        yield aws


def remains(aws: LocalAws, folder: Path) -> Remains:
    process = Path(f"/proc/{aws.pid}")
    links = [link for descriptor in (process / "fd").iterdir() if (link := read_link(descriptor))]
    return Remains(
        processes=len(descendants(aws.pid)),
        files=Counter(
            str(path.parent.relative_to(folder))
            for top in ("tmp", "run/run")
            for path in (folder / top).rglob("*")
            if not path.is_symlink()
        ),
        descriptors=Counter(link.split(":")[0] if ":" in link else "file" for link in links),
        threads=len(list((process / "task").iterdir())),
        instances=[
            instance["id"]
            for endpoint in aws.state()["endpoints"]
            for variant in endpoint["variants"]
            for instance in variant["instances"]
        ],
    )


def read_link(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # closed since it was listed
        return ""


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        new = children.get(todo.pop(), [])
        found += new
        todo += new
    return found


class Updates:
    """An endpoint with updates that fail in different ways, by different policies."""

    WAYS = (
        ("all at once", {"FAKE_PING": "never"}),
        ("rolling", {"FAKE_PING": "exit:3"}),
        ("canary", {"FAKE_PING": "500"}),
        ("all at once", {"FAKE_STATUS": "500"}),
    )

    def __init__(self, account: Account) -> None:
        self._account = account
        self.endpoint, prefix = account.serve()
        account.put_model(prefix, "m")
        account.invoke(self.endpoint, "m")
        account.client("cloudwatch").put_metric_alarm(
            AlarmName="rings",
            Namespace="Tests",
            MetricName="Missing",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="breaching",
        )
        self._await_ringing()
        self._configs = []
        for _, environment in self.WAYS:
            model = account.create_model(environment=environment, ModelDataUrl=f"s3://{BUCKET}/{prefix}/")
            self._configs.append(account.create_config(model))

    def _await_ringing(self) -> None:
        cloudwatch = self._account.client("cloudwatch")
        while cloudwatch.describe_alarms(AlarmNames=["rings"])["MetricAlarms"][0]["StateValue"] != "ALARM":
            time.sleep(0.05)

    def fail(self, number: int) -> dict[str, Any]:
        policy, environment = self.WAYS[number % len(self.WAYS)]
        config = deployment(policy, 1)
        if "FAKE_STATUS" in environment:  # healthy: an alarm rolls it back
            config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "rings"}]}
        self._account.sagemaker.update_endpoint(
            EndpointName=self.endpoint,
            EndpointConfigName=self._configs[number % len(self.WAYS)],
            DeploymentConfig=config,
        )
        description = self._account.await_settled(self.endpoint)
        assert (description["EndpointStatus"], "FailureReason" in description) == ("InService", True)
        self._account.invoke(self.endpoint, "m")
        return description


def test_failed_updates_leave_nothing(aws: LocalAws, tmp_path: Path) -> None:
    account = prepared_account(aws)
    updates = Updates(account)
    for number in range(len(Updates.WAYS)):  # each way once: what is made once for all may stay
        updates.fail(number)
    before = remains(aws, tmp_path)
    for number in range(UPDATES):
        updates.fail(number)
    after = remains(aws, tmp_path)
    assert after.processes == before.processes
    assert after.files == before.files
    assert after.instances == before.instances
    assert after.threads < before.threads + FEW
    assert after.descriptors.total() < before.descriptors.total() + FEW, (before, after)
    group = f"/aws/sagemaker/Endpoints/{updates.endpoint}"
    logs = account.client("logs")
    account.sagemaker.delete_endpoint(EndpointName=updates.endpoint)
    while account.sagemaker.list_endpoints()["Endpoints"]:
        time.sleep(0.05)
    logs.delete_log_group(logGroupName=group)
    end = time.monotonic() + 2.5  # two periods of the log shipper
    while time.monotonic() < end:
        assert logs.describe_log_groups()["logGroups"] == []
        time.sleep(0.2)
    gone = remains(aws, tmp_path)
    assert gone.instances == []
    assert not [name for name in gone.files if name.startswith("tmp")]
    assert gone.files["run/run/logs"] == 0
    assert gone.processes == before.processes - 1
