"""The versions of a state and the way back to one, with the state that real Terraform writes."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from operations.errors import StateError
from operations.state_history import plan_restoration, read_history, restore, show_history, show_restoration
from operations.state_lock import StateLock
from operations.terraform import TerraformError
from tests.operations.conftest import apply, remote_of, terraform_data


def shown(show, *arguments) -> str:
    out = io.StringIO()
    show(*arguments, Console(file=out, width=200), *([20] if show is show_history else []))
    return out.getvalue()


def test_a_version_is_restored_with_its_difference_shown_first(account, write_stack, state_bucket):
    terraform = write_stack("dev-models", terraform_data(kept="1", gone="1"), bucket=state_bucket)
    apply(terraform)
    write_stack("dev-models", terraform_data(kept="2", new="1"), bucket=state_bucket)
    apply(terraform)
    remote = remote_of(terraform)
    entries = read_history(remote, 20)
    assert len(entries[0].state.instances) == 2
    assert entries[0].version.is_current and not any(entry.version.is_current for entry in entries[1:])
    listing = shown(show_history, remote)
    assert all(entry.version.id in listing for entry in entries)
    assert f"serial {entries[0].state.serial:>4}      2 resources  <- current" in listing

    first = next(entry for entry in reversed(entries) if set(entry.state.instances) == {"terraform_data.kept", "terraform_data.gone"})  # fmt: skip # noqa: E501
    restoration = plan_restoration(remote, first.version.id)
    assert [(change.symbol, change.address) for change in restoration.changes] == [
        ("+", "terraform_data.gone"),
        ("~", "terraform_data.kept"),
        ("-", "terraform_data.new"),
    ]
    assert "Terraform forgets what is marked with -" in shown(show_restoration, restoration)
    assert restoration.serial == entries[0].state.serial + 1
    assert read_history(remote, 20) == entries, "showing writes nothing"

    written = restore(remote, terraform, restoration)
    assert read_history(remote, 20)[0].version.id == written
    assert terraform.state_list() == ["terraform_data.gone", "terraform_data.kept"]
    assert json.loads(terraform.run("state", "pull"))["serial"] == restoration.serial
    assert {change.address: change.symbol for change in terraform.plan().changes} == {
        "terraform_data.gone": "-",
        "terraform_data.kept": "~",
        "terraform_data.new": "+",
    }
    assert remote.lock() is None
    with pytest.raises(StateError, match="changed in the meantime"):
        restore(remote, terraform, restoration)


def test_the_way_back_from_a_damaged_and_from_a_deleted_state(account, write_stack, state_bucket):
    terraform = write_stack("dev-image", terraform_data(one="1"), bucket=state_bucket)
    apply(terraform)
    remote, s3 = remote_of(terraform), account.client("s3")
    good = read_history(remote, 1)[0]
    for damaged, said in ((b'{"version": 4, "ser', "not JSON"), (b"", "empty"), (b'{"version": 4}', "no state")):
        s3.put_object(Bucket=state_bucket, Key=remote.key, Body=damaged)
        assert said in shown(show_history, remote)
        with pytest.raises(StateError, match=r"cannot be restored: it is"):
            plan_restoration(remote, read_history(remote, 1)[0].version.id)
    s3.delete_object(Bucket=state_bucket, Key=remote.key)
    deletion = read_history(remote, 1)[0]
    assert deletion.problem == "deleted"
    with pytest.raises(StateError, match="nothing to restore"):
        plan_restoration(remote, deletion.version.id)
    restoration = plan_restoration(remote, good.version.id)
    assert [(change.symbol, change.address) for change in restoration.changes] == [("+", "terraform_data.one")]
    restore(remote, terraform, restoration)
    assert not terraform.plan().changes
    assert json.loads(terraform.run("state", "pull"))["serial"] == good.state.serial + 1


def test_nothing_is_restored_under_a_lock_or_from_another_state(account, write_stack, state_bucket):
    terraform = write_stack("dev-state", terraform_data(one="1"), bucket=state_bucket)
    apply(terraform)
    remote, s3 = remote_of(terraform), account.client("s3")
    version = read_history(remote, 1)[0].version
    held = StateLock("8b1fd6d8-0000-4000-8000-0123456789ab", "OperationTypeApply", "anna@build-7",
                     datetime.now(UTC) - timedelta(days=2), remote.path)  # fmt: skip
    restoration = plan_restoration(remote, version.id)
    with remote.locked(held):
        for attempt in (lambda: plan_restoration(remote, version.id), lambda: restore(remote, terraform, restoration)):
            with pytest.raises(
                StateError, match=r"locked by anna@build-7 for an apply, since .* UTC, 2 days ago"
            ) as told:
                attempt()
            assert f"make unlock ENV=dev STACK=state LOCK={held.id}" in str(told.value)
        assert "killed run has probably left it" in shown(show_history, remote)
        assert read_history(remote, 1)[0].version == version
        # Terraform respects the lock as well, and takes nothing away that is not named.
        with pytest.raises(TerraformError, match="anna@build-7"):
            terraform.plan()
        with pytest.raises(TerraformError, match=r"does not match (the )?existing lock"):
            terraform.run("force-unlock", "-force", "8b1fd6d8-0000-4000-8000-0123456789ac")
        with pytest.raises(StateError, match=r"(?s)anna@build-7.*is not the lock 8b1f"):
            remote.refuse_unless_held("8b1fd6d8-0000-4000-8000-0123456789ac")
        remote.refuse_unless_held(held.id)
        terraform.run("force-unlock", "-force", held.id)
        with pytest.raises(StateError, match="is not locked"):
            remote.refuse_unless_held(held.id)
        assert remote.lock() is None
        terraform.plan()

    other = json.dumps({**restoration_document(remote), "lineage": "of-another-state"}).encode()
    foreign = s3.put_object(Bucket=state_bucket, Key=remote.key, Body=other)["VersionId"]
    remote.write(json.dumps(restoration_document(remote, version.id)).encode())
    with pytest.raises(StateError, match="lineage is of-another-state"):
        plan_restoration(remote, foreign)
    with pytest.raises(StateError, match="has no version nonsense"):
        plan_restoration(remote, "nonsense")


def restoration_document(remote, version=None) -> dict:
    return json.loads(remote.read(version))


def test_the_local_aws_has_nothing_to_do_with_the_machines_profile_and_proxy(write_stack, state_bucket, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-this-machine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert remote_of(write_stack("dev-models", {}, bucket=state_bucket)).bucket_exists()


def test_no_bucket_no_state_no_remote_state(write_stack, state_bucket):
    terraform = write_stack("dev-models", terraform_data(one="1"), bucket=state_bucket)
    with pytest.raises(StateError, match="has not been deployed yet"):
        read_history(remote_of(terraform), 20)
    terraform = write_stack("dev-models", terraform_data(one="1"), bucket="no-such-bucket-here")
    with pytest.raises(StateError, match="make bootstrap ENV=dev"):
        read_history(remote_of(terraform), 20)
    terraform = write_stack("dev-state", {}, bucket="", backend={"local": {"path": "x.tfstate"}})
    with pytest.raises(StateError, match=r"keeps its state in a file, .*x\.tfstate"):
        remote_of(terraform)
