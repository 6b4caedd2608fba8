"""The stand-in beside the recordings of the real provider: the same plans and states, step by step."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.process import LocalAws
from local_aws.provider.server import ProviderServer
from tests.local_aws.account import Account
from tests.local_aws.provider.chain import Chain
from tests.local_aws.provider.comparison import by_address, differences, plan_differences
from tests.local_aws.provider.recordings import CHAINS, Recording, load


@pytest.fixture
def fresh_aws(tmp_path: Path) -> Iterator[LocalAws]:
    with LocalAws(
        directory=tmp_path / "aws", port=0, provider="none", runtime="process", log_file=tmp_path / "aws.log"
    ) as aws:
        yield aws


@pytest.fixture
def provider_server(fresh_aws: LocalAws) -> Iterator[ProviderServer]:
    server = ProviderServer(fresh_aws.url, fresh_aws.key)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("name", CHAINS)
def test_chain(name: str, fresh_aws: LocalAws, provider_server: ProviderServer, tmp_path: Path) -> None:
    provider: dict[str, Any] = {
        "region": "us-east-1",
        "endpoints": [{"s3": fresh_aws.url}],
    }
    chain = Chain(Account(fresh_aws), provider_server, provider, tmp_path / "project")
    recordings = load(name)
    found: list[str] = []

    def note(where: str, lines: Iterable[str]) -> None:
        found.extend(f"{where} {line}" for line in lines)

    for recording in recordings:
        if recording.step == recordings[0].step:
            note(f"{recording.where}.preview", plan_differences(recording.plan, chain.preview(recording)))
    for recording in with_news(recordings):
        made = chain.deploy(recording)
        note(f"{recording.where}.plan", plan_differences(recording.plan, made.plan))
        if recording.second is not None and recording.state is not None:
            note(f"{recording.where}.second", plan_differences(recording.second, made.second))
            note(f"{recording.where}.state", differences(by_address(recording.state), by_address(made.state)))
    assert not found, "\n".join(found)


def with_news(recordings: Iterable[Recording]) -> Iterator[Recording]:
    """Without the steps that leave a stack alone: their plan is the one before, of the same configuration."""
    before: dict[str, Recording] = {}
    for recording in recordings:
        last = before.get(recording.stack)
        if last is None or (last.configuration, last.second) != (recording.configuration, recording.plan):
            yield recording
        before[recording.stack] = recording


def test_a_difference_is_seen() -> None:
    """The comparison itself: what it names, what it lets pass."""
    change = {"address": "aws_iam_role.r", "actions": ["create"], "after": {"name": "r", "etag": "1"}}
    recorded = {"changes": [change], "drift": [], "outputs": {}}

    def made(**after: Any) -> list[str]:
        changed = {**change, "after": {**change["after"], **after}}
        return list(plan_differences(recorded, {**recorded, "changes": [changed]}))

    assert made(etag="2") == []
    assert made(etag="") == ["changes .aws_iam_role.r.after.etag: recorded '1', made ''"]
    assert made(name=None) == ["changes .aws_iam_role.r.after.name: recorded 'r', made None"]
    assert made(path="/") == ["changes .aws_iam_role.r.after.path: recorded nothing, made '/'"]
    assert list(plan_differences(recorded, {**recorded, "drift": [change]})) != []
    assert list(differences(0, False)) == [": recorded 0, made False"]
    assert list(differences([1], [1, 2])) == [": recorded [1], made [1, 2]"]


def test_recordings_are_whole() -> None:
    steps = {name: sorted({recording.step for recording in load(name)}) for name in CHAINS}
    assert steps["main"] == ["00-base", "01-image", "02-type", "03-model3", "04-tagslogs", "05-misc"]
    assert steps["scaling"] == ["00-base", "01-type", "02-target", "03-off"]
    assert (steps["kms0"], steps["kms"]) == (["00-base"], ["00-base", "01-kms", "02-off"])
    # Each step that changes anything is tried.
    tried = [recording for name in CHAINS for recording in with_news(load(name))]
    assert sum(any(change["actions"] != ["no-op"] for change in item.plan["changes"]) for item in tried) == sum(
        any(change["actions"] != ["no-op"] for change in item.plan["changes"]) for name in CHAINS for item in load(name)
    )
