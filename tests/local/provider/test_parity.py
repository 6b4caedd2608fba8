"""The stand-in beside the recordings of the real provider: the same plans and states, step by step."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.process import LocalAws
from local.provider.server import ProviderServer
from tests.local.account import Account
from tests.local.provider.chain import Chain
from tests.local.provider.comparison import by_address, differences, plan_differences
from tests.local.provider.recordings import CHAINS, load


@pytest.fixture
def fresh_aws(tmp_path: Path) -> Iterator[LocalAws]:
    with LocalAws(
        directory=tmp_path / "aws", port=0, provider="none", runtime="process", log_file=tmp_path / "aws.log"
    ) as aws:
        yield aws


@pytest.fixture
def reattach(fresh_aws: LocalAws) -> Iterator[str]:
    server = ProviderServer(fresh_aws.url)
    server.start()
    yield server.reattach_environment()
    server.stop()


@pytest.mark.parametrize("name", CHAINS)
def test_chain(name: str, fresh_aws: LocalAws, reattach: str, tmp_path: Path) -> None:
    provider: dict[str, Any] = {
        "region": "us-east-1",
        "access_key": "test",
        "secret_key": "test",
        "endpoints": [{"s3": fresh_aws.url}],
    }
    chain = Chain(Account(fresh_aws.url), reattach, provider, tmp_path / "project")
    recordings = load(name)
    found: list[str] = []

    def note(step: str, lines: Iterator[str]) -> None:
        found.extend(f"{step} {line}" for line in lines)

    for recording in recordings:
        if recording.step == recordings[0].step:
            where = f"{recording.step}/{recording.stack}.preview"
            note(where, plan_differences(recording.plan, chain.preview(recording)))
    for recording in recordings:
        where = f"{recording.step}/{recording.stack}"
        made = chain.deploy(recording)
        note(f"{where}.plan", plan_differences(recording.plan, made.plan))
        if recording.second is not None and recording.state is not None:
            note(f"{where}.second", plan_differences(recording.second, made.second))
            note(f"{where}.state", differences(by_address(recording.state), by_address(made.state)))
    assert not found, "\n".join(found)
