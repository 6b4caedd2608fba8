"""`mme state ... --json`: one document on standard output, with the state that real Terraform writes."""

import contextlib
import json
from datetime import UTC, datetime

import pytest

from mme.program import main
from operations.commands import work
from operations.state_lock import StateLock
from tests.operations.conftest import apply, remote_of, terraform_data


@pytest.fixture
def stack(write_stack, state_bucket, monkeypatch):
    """The stack dev-models, applied twice, as the one that every command chooses."""
    terraform = write_stack("dev-models", terraform_data(kept="1", gone="1"), bucket=state_bucket)
    apply(terraform)
    write_stack("dev-models", terraform_data(kept="1"), bucket=state_bucket)
    apply(terraform)
    monkeypatch.setattr(work, "chosen_stack", lambda *_: contextlib.nullcontext(terraform))
    return terraform


def document(capsys, *arguments: str, code: int = 0) -> dict:
    capsys.readouterr()
    assert main(["state", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_versions_are_listed_and_one_is_restored(stack, capsys):
    listed = document(capsys, "history", "dev", "models")
    assert (listed["environment"], listed["result"], listed["errors"]) == ("dev", "listed", [])
    (found,) = listed["stacks"]
    assert (found["name"], found["state"]) == ("dev-models", f"s3://{remote_of(stack).path}")
    assert [version["current"] for version in found["versions"]] == [True] + [False] * (len(found["versions"]) - 1)
    earlier = next(version["version"] for version in found["versions"] if version["resources"] == 2)
    shown = document(capsys, "history", "dev", "models", "--version", earlier)
    assert shown["result"] == "shown"
    assert shown["stacks"][0]["changes"] == [{"address": "terraform_data.gone", "change": "+"}]
    assert shown["stacks"][0]["written"] is None
    restored = document(capsys, "history", "dev", "models", "--version", earlier, "--confirm", "yes")
    assert restored["result"] == "restored"
    assert restored["stacks"][0]["written"] == remote_of(stack).versions()[0].id


def test_a_lock_is_removed_and_one_that_is_not_there_is_an_error(stack, capsys, account, state_bucket):
    remote = remote_of(stack)
    held = StateLock("8b1fd6d8-0000-4000-8000-0123456789ab", "OperationTypeApply", "anna@build-7", datetime.now(UTC), remote.path)  # fmt: skip # noqa: E501
    failed = document(capsys, "unlock", "dev", "models", held.id, code=1)
    assert failed["result"] == "failed" and len(failed["errors"]) == 1
    with remote.locked(held):
        assert document(capsys, "unlock", "dev", "models", held.id) == {
            "environment": "dev",
            "result": "unlocked",
            "stacks": [{"name": "dev-models", "lock": held.id}],
            "errors": [],
        }
        assert remote.lock() is None


@pytest.mark.usefixtures("stack")
def test_nothing_to_adopt(capsys):
    assert document(capsys, "adopt", "dev", "models")["result"] == "nothing_to_adopt"
