"""A state that is damaged or another's is refused before Terraform plans, and nothing is written."""

import io
import json
import time

import pytest
from rich.console import Console

from operations.bootstrap import bootstrap
from operations.errors import StateError
from operations.stack_name import split_stack_name
from operations.state_history import plan_restoration, restore
from operations.terraform import Terraform, TerraformError
from tests.operations.conftest import apply, remote_of, s3_backend, terraform_data


def refusal(terraform: Terraform) -> str:
    with pytest.raises(StateError) as refused:
        terraform.plan()
    return str(refused.value)


def test_a_damaged_state_is_refused_by_plan_and_bootstrap(write_stack, state_bucket, tmp_path):
    terraform = write_stack("dev-state", terraform_data(one="1"), bucket=state_bucket)
    apply(terraform)
    remote = remote_of(terraform)
    for damaged, said in (
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (remote.read()[:100], "it is not JSON"),
        (b"{}", "its format version is None"),
        (b"[4]", "its format version is None"),
        (b'{"version": 4}', "it is no state: KeyError 'resources'"),
        (b'{"version": 4, "serial": 1, "lineage": "", "resources": []}', "it is no state: no lineage"),
    ):
        remote.write(damaged)
        versions = remote.versions()
        told = refusal(terraform)
        assert f"The state s3://{remote.path} is damaged: {said}" in told
        assert "Nothing was written. `make state-history ENV=dev STACK=state` lists its earlier versions" in told
        with pytest.raises(StateError, match="is damaged"):
            bootstrap(terraform, tmp_path, Console(file=io.StringIO()))
        assert (remote.versions(), remote.lock()) == (versions, None)


def test_the_state_of_another_stack_is_refused_until_the_own_one_is_restored(account, write_stack, state_bucket):
    terraform = write_stack("dev-models", terraform_data(mine="1"), bucket=state_bucket)
    apply(terraform)
    other = write_stack("dev-image", terraform_data(theirs="1"), bucket=state_bucket)
    apply(other)
    remote, s3 = remote_of(terraform), account.client("s3")
    whole = remote.read()
    own = next(version for version in remote.versions() if version.is_current)
    theirs = remote_of(other).read()
    s3.put_object(Bucket=state_bucket, Key=remote.key, Body=theirs)
    told = refusal(terraform)
    assert f"is another one than before: its lineage is {json.loads(theirs)['lineage']}" in told
    assert f"that of the versions before it {json.loads(whole)['lineage']}" in told
    assert "make state-history ENV=dev STACK=models" in told

    # As it says.
    restore(remote, terraform, plan_restoration(remote, own.id))
    assert not terraform.plan().changes

    # On purpose: deleted first, then there is no state that it could be another one than.
    time.sleep(1.1)  # versions have whole seconds, and S3 lists deletions apart
    s3.delete_object(Bucket=state_bucket, Key=remote.key)
    s3.put_object(Bucket=state_bucket, Key=remote.key, Body=theirs)
    assert {change.address for change in terraform.plan().changes} == {"terraform_data.mine", "terraform_data.theirs"}


def test_a_damaged_file_is_refused_and_one_that_a_killed_run_left_empty_is_no_state(write_stack, tmp_path):
    file = tmp_path / "terraform.local-state.tfstate"
    backend = {"local": {"path": "../terraform.local-state.tfstate"}}
    terraform = write_stack("local-state", terraform_data(one="1"), bucket="", backend=backend)
    terraform.init()
    file.touch()
    terraform.apply(terraform.plan())
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    assert f"The state {file} is damaged: it is not JSON" in refusal(terraform)
    assert "There is no terraform.local-state.tfstate.backup" in refusal(terraform)
    (tmp_path / "terraform.local-state.tfstate.backup").write_bytes(whole)
    for damaged in (b"", b"{}"):
        file.write_bytes(damaged)
        told = refusal(terraform)
        assert f"The state {file} is damaged" in told
        assert f"{file}.backup is the state before the last change" in told
        with pytest.raises(StateError, match="is damaged"):
            bootstrap(terraform, tmp_path, Console(file=io.StringIO()))
        assert file.read_bytes() == damaged


def test_a_damaged_file_is_not_moved_into_the_bucket(account, write_stack, tmp_path):
    file = tmp_path / "terraform.dev-state.tfstate"
    file.write_bytes(b'{"version": 4')
    terraform = write_stack("dev-state", terraform_data(one="1"), bucket="no-bucket-for-a-damaged-state")
    with pytest.raises(StateError, match=r"(?s)dev-state\.tfstate is damaged: it is not JSON.*Nothing was written"):
        bootstrap(terraform, tmp_path, Console(file=io.StringIO()))
    assert file.read_bytes() == b'{"version": 4'
    assert not remote_of(terraform).bucket_exists()


def test_what_keeps_a_state_from_being_read_is_left_to_terraform(write_stack):
    backend = {"s3": s3_backend("http://127.0.0.1:1", "some-bucket", "dev-models", max_retries=1)}
    terraform = write_stack("dev-models", {}, bucket="", backend=backend)
    with pytest.raises(TerraformError, match="terraform plan failed"):
        terraform.plan()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("dev-models", ("dev", "models")),
        ("dev-models-2", ("dev", "models-2")),
        ("dev-eu-endpoint-12", ("dev-eu", "endpoint-12")),
        ("dev-2-state", ("dev-2", "state")),
    ],
)
def test_the_name_of_a_stack(name, parts):
    assert split_stack_name(name) == parts


def test_what_is_no_stacks_name():
    with pytest.raises(ValueError, match="'models' is not ENVIRONMENT-STACK"):
        split_stack_name("models")
