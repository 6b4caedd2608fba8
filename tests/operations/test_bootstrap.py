"""The state bucket comes into being and takes its own stack's state, whatever happens on the way."""

import io
import json
import os
import signal

import pytest
from botocore.client import BaseClient
from rich.console import Console

from operations.bootstrap import OVERRIDE_FILE, bootstrap
from operations.errors import StateError
from operations.state_file import parse_state
from operations.terraform import Terraform, TerraformError
from tests.operations.conftest import remote_of

QUIET = Console(file=io.StringIO())


def bucket_resources(name: str) -> dict:
    reference = "${aws_s3_bucket.state_bucket.bucket}"
    return {
        "aws_s3_bucket": {"state_bucket": {"bucket": name, "force_destroy": True}},
        "aws_s3_bucket_versioning": {
            "state_bucket_versioning": {"bucket": reference, "versioning_configuration": {"status": "Enabled"}}
        },
    }


def assert_migrated(terraform: Terraform, bucket: str, file) -> None:
    state = parse_state(remote_of(terraform).read())
    assert set(state.instances) == {
        "aws_s3_bucket.state_bucket",
        "aws_s3_bucket_versioning.state_bucket_versioning",
    }
    assert not file.exists()
    assert not (terraform.directory / OVERRIDE_FILE).exists()
    terraform.init()
    assert terraform.state_list() == sorted(state.instances)
    assert not terraform.plan().changes
    assert terraform.run("state", "show", "aws_s3_bucket.state_bucket").count(bucket) >= 1


class Countdown:
    """Kills this process, without a word, when it comes to its n-th step: a Terraform command or a write to S3."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def step(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class Counted(Terraform):
    """Terraform whose commands are steps of a countdown."""

    def __init__(self, terraform: Terraform, countdown: Countdown) -> None:
        super().__init__(terraform.directory, terraform.environment)
        self._countdown = countdown

    def run(self, command: str, *arguments: str) -> str:
        self._countdown.step()
        return super().run(command, *arguments)


DONE, LOCKED, KILLED = "done", "locked", "killed"


def bootstrap_and_die(terraform: Terraform, folder, steps: int) -> str:
    """Run it in a child that is killed before the step of that number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            countdown = Countdown(steps)
            call = BaseClient._make_api_call

            def counted_call(client, operation, parameters):
                if operation in ("PutObject", "DeleteObject"):
                    countdown.step()
                return call(client, operation, parameters)

            BaseClient._make_api_call = counted_call
            bootstrap(Counted(terraform, countdown), folder, Console(file=io.StringIO()))
            code = 0
        except (StateError, TerraformError) as error:
            code = 2 if "locked by" in str(error) or "Error acquiring the state lock" in str(error) else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return KILLED if os.WIFSIGNALED(status) else {0: DONE, 2: LOCKED}[os.WEXITSTATUS(status)]


def test_killed_before_every_step_it_continues_and_repeats_without_a_change(account, write_stack, tmp_path):
    bucket = "bootstrap-killed"
    terraform = write_stack("dev-state", bucket_resources(bucket), bucket=bucket)
    file = tmp_path / "terraform.dev-state.tfstate"
    # Each run starts from what the killed one before it has left.
    killed = unlocked = 0
    while (end := bootstrap_and_die(terraform, tmp_path, killed)) != DONE:
        if end == KILLED:
            killed += 1
            continue
        # Killed while it held the lock: that is reported, and the lock is removed on purpose only.
        terraform.init()
        terraform.run("force-unlock", "-force", remote_of(terraform).lock().id)
        unlocked += 1
    assert killed >= 6, "init, plan, show, apply, lock, state at least"
    assert unlocked >= 1
    assert_migrated(terraform, bucket, file)
    before = remote_of(terraform).versions()
    bootstrap(terraform, tmp_path, QUIET)
    assert remote_of(terraform).versions() == before


def test_what_a_killed_apply_made_without_writing_it_down_is_taken_over(account, write_stack, tmp_path):
    bucket = "bootstrap-taken-over"
    account.client("s3").create_bucket(Bucket=bucket)
    terraform = write_stack("dev-state", bucket_resources(bucket), bucket=bucket)
    out = io.StringIO()
    bootstrap(terraform, tmp_path, Console(file=out, width=200))
    assert f"= aws_s3_bucket.state_bucket  ({bucket})" in out.getvalue()
    assert_migrated(terraform, bucket, tmp_path / "terraform.dev-state.tfstate")


def test_two_states_of_one_stack_are_told_and_neither_is_touched(account, write_stack, tmp_path):
    bucket = "bootstrap-twice"
    terraform = write_stack("dev-state", bucket_resources(bucket), bucket=bucket)
    file = tmp_path / "terraform.dev-state.tfstate"
    bootstrap(terraform, tmp_path, QUIET)
    remote = remote_of(terraform)
    content = remote.read()
    state = json.loads(content)

    other = json.dumps({**state, "lineage": "of-another-bootstrap"})
    file.write_text(other)
    with pytest.raises(StateError, match=r"two states of dev-state: .*of-another-bootstrap"):
        bootstrap(terraform, tmp_path, QUIET)
    assert (remote.read(), file.read_text()) == (content, other)

    # The copy that a killed run left after the migration is no second state.
    file.write_bytes(content)
    bootstrap(terraform, tmp_path, QUIET)
    assert not file.exists()

    account.client("s3").put_object(Bucket=bucket, Key=remote.key, Body=content[:100])
    with pytest.raises(StateError, match=r"damaged.*\n.*make state-history ENV=dev STACK=state"):
        bootstrap(terraform, tmp_path, QUIET)
    assert remote.read() == content[:100]


def test_a_state_that_somebody_else_has_written_meanwhile_is_not_written_over(account, write_stack, tmp_path):
    bucket = "bootstrap-at-once"
    terraform = write_stack("dev-state", bucket_resources(bucket), bucket=bucket)

    class Overtaken(Terraform):
        """The other one's state is there when this one's apply is done."""

        def run(self, command: str, *arguments: str) -> str:
            answer = super().run(command, *arguments)
            if command == "apply":
                account.client("s3").put_object(Bucket=bucket, Key="dev-state/terraform.tfstate", Body=b"theirs")
            return answer

    with pytest.raises(StateError, match="Somebody else has written a state"):
        bootstrap(Overtaken(terraform.directory, terraform.environment), tmp_path, QUIET)
    assert remote_of(terraform).read() == b"theirs"
    assert remote_of(terraform).lock() is None
    assert (tmp_path / "terraform.dev-state.tfstate").exists()


def test_an_environment_that_is_thrown_away_keeps_its_file(account, write_stack, tmp_path):
    file = tmp_path / "terraform.local-state.tfstate"
    backend = {"local": {"path": "../terraform.local-state.tfstate"}}
    terraform = write_stack("local-state", bucket_resources("bootstrap-local"), bucket="", backend=backend)
    out = io.StringIO()
    bootstrap(terraform, tmp_path, Console(file=out, width=300))
    assert f"stays in {file}" in out.getvalue()
    assert "aws_s3_bucket.state_bucket" in parse_state(file.read_bytes()).instances
