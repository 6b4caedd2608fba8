"""The table of errors: what Terraform itself says when something is wrong, what to do, and that nothing was written."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from operations.complaints import complaint
from operations.explain import RULES, explain
from operations.state_lock import StateLock
from operations.terraform import Terraform, TerraformError
from tests.operations.conftest import apply, remote_of, s3_backend, terraform_data

IS_OPENTOFU = "tofu" in os.environ.get("TERRAFORM_BINARY_NAME", "terraform")
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def failure(terraform: Terraform) -> TerraformError:
    with pytest.raises(TerraformError) as failed:
        terraform.init()
        terraform.run("plan")
    return failed.value


def remedy(terraform: Terraform) -> str:
    error = failure(terraform)
    explained = explain(error.output, NOW, terraform.directory.name, "FOLDER")
    assert explained is not None, error.output
    return str(explained)


@contextmanager
def refusing_s3(status: int, code: str, message: str, region: str | None = None) -> Iterator[str]:
    """An S3 that answers every request with one error; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>R</RequestId></Error>".encode()
            self.send_response(status)
            if region is not None:
                self.send_header("x-amz-bucket-region", region)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "cause", "to_do"),
    [
        ((400, "ExpiredToken", "The provided token has expired."), "credentials have expired", "aws sso login"),
        ((403, "InvalidAccessKeyId", "No such key."), "AWS does not know these credentials", "aws configure list"),
        ((403, "SignatureDoesNotMatch", "Wrong."), "AWS does not know these credentials", "aws configure list"),
        ((403, "AccessDenied", "Access Denied"), "the credentials lack a right", "aws sts get-caller-identity"),
        ((403, "RequestTimeTooSkewed", "The difference is too large."), "clock of this machine", "timedatectl"),
        # Terraform says where the bucket is, OpenTofu does not.
        ((301, "PermanentRedirect", "Elsewhere.", "eu-west-1"),
         "in another region than the settings of dev say" if IS_OPENTOFU else
         "in eu-west-1, and the settings of dev say us-east-1",
         "get-bucket-location" if IS_OPENTOFU else "set `region` of dev in cdktf.json to eu-west-1"),
        ((404, "NoSuchBucket", "The specified bucket does not exist"), "no bucket for the state of dev",
         "make bootstrap ENV=dev"),
    ],
    ids=lambda value: value[1] + str(len(value[2])) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_s3_refuses_is_explained(account, write_stack, answer, cause, to_do):
    with refusing_s3(*answer) as url:
        backend = {"s3": s3_backend(url, "some-bucket", "dev-models", max_retries=1)}
        said = remedy(write_stack("dev-models", terraform_data(one="1"), bucket="", backend=backend))
    assert said.startswith("What happened: ")
    assert cause in said
    assert to_do in said


def test_nothing_listens(account, write_stack):
    backend = {"s3": s3_backend("http://127.0.0.1:1", "some-bucket", "dev-models", max_retries=1)}
    said = remedy(write_stack("dev-models", {}, bucket="", backend=backend))
    assert "nothing listens on 127.0.0.1:1" in said and "make local" in said


def test_a_host_whose_name_is_not_found(account, write_stack):
    backend = {"s3": s3_backend("http://nowhere.invalid", "some-bucket", "dev-models", max_retries=1)}
    said = remedy(write_stack("dev-models", terraform_data(one="1"), bucket="", backend=backend))
    assert "a host of this name was not found (lookup nowhere.invalid" in said and "make local" not in said


def test_a_damaged_state_and_a_wrong_bucket_are_explained_and_nothing_is_written(
    account, write_stack, state_bucket, capsys, monkeypatch
):
    terraform = write_stack("dev-models", terraform_data(one="1"), bucket=state_bucket)
    apply(terraform)
    remote, s3 = remote_of(terraform), account.client("s3")
    whole = remote.read()
    for damaged in (whole[:50], b"not a state", b"{}"):
        s3.put_object(Bucket=state_bucket, Key=remote.key, Body=damaged)
        versions = remote.versions()
        said = remedy(terraform)
        assert "the state of dev-models in S3 is damaged" in said
        assert "make state-history ENV=dev STACK=models" in said
        assert (remote.read(), remote.versions(), remote.lock()) == (damaged, versions, None)
    newer = json.dumps({**json.loads(whole), "version": 5})
    s3.put_object(Bucket=state_bucket, Key=remote.key, Body=newer.encode())
    assert "a newer Terraform has written" in remedy(terraform)

    # What the commands print: Terraform's own words, what happened, what to do, and what was not done.
    print(complaint(failure(terraform)), file=sys.stderr)
    printed = capsys.readouterr().err
    for part in ("Unsupported state file format", "What happened: a newer", "What to do: ", "no state was written"):
        assert part in printed

    terraform = write_stack("dev-models", terraform_data(one="1"), bucket="no-such-bucket-here")
    said = remedy(terraform)
    assert "there is no bucket for the state of dev in this account" in said
    assert IS_OPENTOFU or 'S3 bucket "no-such-bucket-here" does not exist' in said
    assert "make bootstrap ENV=dev" in said


@contextmanager
def apply_under_way(terraform: Terraform, folder: Path) -> Iterator[list[TerraformError]]:
    """Runs an apply that lasts as long as the block; afterwards the list holds what it failed with, if it failed."""
    failed = []

    def run() -> None:
        try:
            terraform.apply(plan)
        except TerraformError as error:
            failed.append(error)

    terraform.init()
    plan = terraform.plan()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not (folder / "running").exists():
            assert thread.is_alive()
            thread.join(0.05)
        yield failed
    finally:
        (folder / "release").touch()
        thread.join()


def slow_resource(folder: Path) -> dict:
    command = f"touch {folder}/running; until test -e {folder}/release; do sleep 0.05; done"
    return {"terraform_data": {"slow": {"provisioner": [{"local-exec": {"command": command}}]}}}


def test_of_two_deployments_at_once_one_is_told_who_the_other_is(account, write_stack, state_bucket, tmp_path):
    terraform = write_stack("dev-endpoint", slow_resource(tmp_path), bucket=state_bucket)
    with apply_under_way(terraform, tmp_path) as failed:
        holder = remote_of(terraform).lock()
        error = failure(terraform)
    said = explain(error.output, datetime.now(UTC), "dev-endpoint")
    assert f"locked by {holder.who} for an apply, since {holder.created:%Y-%m-%d %H:%M:%S} UTC" in said.cause
    assert said.remedy.startswith(f"Wait until {holder.who} is done")
    assert f"make unlock ENV=dev STACK=endpoint LOCK={holder.id}" in said.remedy
    # The first one was not disturbed, and the lock is gone with it.
    assert failed == []
    assert terraform.state_list() == ["terraform_data.slow"]
    assert not terraform.plan().changes


def test_a_state_that_cannot_be_written_after_an_apply_is_not_lost(account, write_stack, state_bucket, tmp_path):
    terraform = write_stack("dev-endpoint", slow_resource(tmp_path), bucket=state_bucket)
    s3 = account.client("s3")
    with apply_under_way(terraform, tmp_path) as failed:
        versions = s3.list_object_versions(Bucket=state_bucket)
        for item in (*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=state_bucket, Key=item["Key"], VersionId=item["VersionId"])
        s3.delete_bucket(Bucket=state_bucket)
    said = explain(failed[0].output, NOW, "dev-endpoint", str(terraform.directory))
    assert "errored.tfstate in the folder" in said.cause
    assert (terraform.directory / "errored.tfstate").stat().st_mode & 0o777 == 0o600
    s3.create_bucket(Bucket=state_bucket)
    # As it says.
    terraform.run("state", "push", "errored.tfstate")
    assert terraform.state_list() == ["terraform_data.slow"]


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=8), "8 hours ago"),
        (timedelta(hours=30), "1 day ago"),
        (timedelta(minutes=-10), "in the future: one of the two clocks is wrong"),
    ],
)
def test_the_age_of_a_lock(age, said):
    lock = StateLock("1", "OperationTypePlan", "anna@build-7", NOW - age, "bucket/key")
    assert said in lock.describe(NOW)
    assert StateLock.parse(lock.to_json()) == lock
    assert ("killed run has probably" in lock.advice(NOW, "dev-models")) is (age > timedelta(hours=3))


@pytest.mark.parametrize("content", [b"", b"junk", b"[]", b'{"ID": 7}'])
def test_a_lock_that_is_not_terraforms_is_a_lock(content):
    lock = StateLock.parse(content)
    assert lock.created is None
    assert "since an unknown time" in lock.describe(NOW)
    assert "make unlock" in lock.advice(NOW, "dev-models")


# What needs AWS itself, in the words of AWS and of the provider.
@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            "Error: Failed to save state\n\nError saving state: api error ExpiredToken",
            "errored.tfstate in the folder F",
        ),
        ("AWS account ID not allowed: 999999999999", "belong to the account 999999999999"),
        ("creating S3 Bucket (x): operation error S3: CreateBucket, BucketAlreadyExists: ", "exists already"),
        ("creating IAM Role (x): EntityAlreadyExists: Role with name x already exists.", "does not know it"),
        ("Error: No valid credential sources found", "there are no AWS credentials"),
        ("Unable to locate credentials", "there are no AWS credentials"),
        ("the SSO session has expired or is invalid: refresh cached SSO token failed", "credentials have expired"),
        ("operation error STS: GetCallerIdentity, InvalidClientTokenId: The security token", "does not know these"),
        ("User: a is not authorized to perform: iam:CreateRole on resource: b", "lack the right iam:CreateRole"),
        ("│ Error: Saved plan is\n│ stale", "changed since the plan"),
        ("Error: Backend initialization required, please run", "initialised for another backend"),
        (
            "dial tcp: lookup sts.nowhere-1.amazonaws.com: no such host",
            "not found (lookup sts.nowhere-1.amazonaws.com: ",
        ),
        (
            "lookup sts.amazonaws.com on 127.0.0.53:53: no such host",
            "not found (lookup sts.amazonaws.com on 127.0.0.53",
        ),
        (
            'Get "http://123456789012.127.0.0.1:4566/v20180820/tags/arn": dial tcp: lookup 123456789012.127.0.0.1: '
            "no such host",
            "123456789012.127.0.0.1 is no host",
        ),
        ('Put "http://127.0.0.1:4566/b": dial tcp 127.0.0.1:4566: connect: connection refused', "on 127.0.0.1:4566 of"),
        ('Could not connect to the endpoint URL: "http://127.0.0.1:4566/"', "nothing listens on 127.0.0.1:4566"),
        ("dial tcp 203.0.113.7:443: connect: connection refused", "nothing answers there"),
        ("dial tcp 203.0.113.7:443: i/o timeout", "nothing answers there"),
        (
            "Error: Failed to query available provider packages Could not retrieve the list of available versions for "
            'provider hashicorp/aws: Get "https://registry.terraform.io/": lookup registry.terraform.io: no such host',
            "cannot get the AWS provider",
        ),
    ],
)
def test_the_words_of_aws(error, cause):
    assert cause in explain(error, NOW, "dev-models", "F").cause


@pytest.mark.parametrize(
    "error",
    [
        "dial tcp: lookup 123456789012.127.0.0.1: no such host",
        "dial tcp: lookup sts.nowhere-1.amazonaws.com: no such host",
        "dial tcp 203.0.113.7:443: connect: connection refused",
    ],
)
def test_starting_the_local_aws_is_advised_only_where_it_helps(error):
    assert "make local" not in explain(error, NOW, "local-models", "F").remedy


NOT_SAVED = (
    "Error: Failed to save state\n\nError saving state: failed to upload state: operation error S3: PutObject, exceeded"
    ' maximum number of attempts, 1, https response error StatusCode: 0, request send failed, Put "http://127.0.0.1:4566'
    '/b/local-models/terraform.tfstate": dial tcp 127.0.0.1:4566: connect: connection refused\n\n'
    "Error: Failed to persist state to backend\n\nthe new state has been written to errored.tfstate"
)


def test_the_state_of_a_local_aws_that_is_gone_is_not_pushed():
    said = explain(NOT_SAVED, NOW, "local-models", "F")
    assert "make local" in said.remedy and "do not push it" in said.remedy and "state push" not in said.remedy
    assert "F describes" in said.remedy


@pytest.mark.parametrize(
    ("error", "stack"),
    [
        (NOT_SAVED, "dev-models"),  # through a proxy of this machine
        ("Error: Failed to save state\n\nError saving state: api error AccessDenied", "local-models"),
    ],
)
def test_any_other_state_that_was_not_saved_is_pushed(error, stack):
    assert "terraform -chdir=F state push errored.tfstate" in explain(error, NOW, stack, "F").remedy


def test_a_lock_that_could_not_be_released_is_said_to_stay():
    refused = "dial tcp 10.0.0.1:443: i/o timeout"
    left = explain(f"Error: reading x: {refused}\n\nError: Error releasing the state lock", NOW, "dev-models", "F")
    assert "The lock of the state may be left" in left.remedy
    assert "lock" not in explain(f"Error: reading x: {refused}", NOW, "dev-models", "F").remedy


LOCKED = """
│ Error: Error acquiring the state lock
│
│ Lock Info:
│   ID:        8b1f
│   Path:      {path}
│   Operation: OperationTypeApply
│   Who:       anna@build-7
│   Created:   2026-11-24 07:12:03.1 +0000 UTC
"""


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("multi-model-dev-state-111111111111/dev-models/terraform.tfstate", "ENV=dev STACK=models LOCK=8b1f"),
        ("bucket/dev-eu-endpoint-2/terraform.tfstate", "ENV=dev-eu STACK=endpoint-2 LOCK=8b1f"),
        ("terraform.dev-state.tfstate", "ENV=dev STACK=state LOCK=8b1f"),
        ("bucket/other.tfstate", "ENV=ENV STACK=STACK LOCK=8b1f"),
    ],
)
def test_a_lock_names_its_stack(path, named):
    """`... | python -m operations explain` gets no more than Terraform's words."""
    assert named in explain(LOCKED.format(path=path), NOW).remedy


def test_every_rule_fills_its_places():
    for rule in RULES:
        groups = ["GROUP"] * (rule.pattern.groups + 1)
        for text in (rule.cause, rule.remedy):
            filled = text.format(*groups, environment="dev", stack="models", folder="F")
            assert "{" not in filled and filled.endswith((".", "CONFIRM=yes", "-reconfigure")), filled


def test_an_error_that_no_rule_knows_stays_as_it_is(capsys):
    assert explain("Error: Invalid index", NOW) is None
    print(complaint(TerraformError("apply", Path("dev-models"), "Error: Invalid index")), file=sys.stderr)
    assert "What happened" not in capsys.readouterr().err


def test_deletion_protection_is_explained_in_terraforms_own_words(write_stack, state_bucket):
    def document(protected: bool) -> dict:
        return {"terraform_data": {"one": {"input": "1", "lifecycle": {"prevent_destroy": protected}}}}

    terraform = write_stack("dev-endpoint", document(True), bucket=state_bucket)
    terraform.init()
    terraform.apply(terraform.plan())
    with pytest.raises(TerraformError) as refused:
        terraform.destroy()
    told = str(explain(refused.value.output, NOW, "dev-endpoint", "FOLDER"))
    assert '"deletion_protection": false for dev in cdktf.json' in told
    # Nothing has to be applied in between.
    write_stack("dev-endpoint", document(False), bucket=state_bucket)
    terraform.destroy()


@pytest.mark.parametrize(
    ("error", "cause", "to_do"),
    [
        (
            "waiting for SageMaker AI Endpoint (fleet) to be in service: unexpected state 'RollingBack', wanted target "
            "'InService'. last error: %!s(<nil>)",
            "rolling the endpoint's update back",
            "alarm that still rings",
        ),
        (
            "waiting for SageMaker AI Endpoint (fleet) to be in service: timeout while waiting for state to become "
            "'InService' (last state: 'Updating', timeout: 1h0m0s)",
            "waits at most 60 minutes",
            "deploy again",
        ),
        (
            "ResourceLimitExceeded: The account-level service limit 'ml.m5.xlarge for endpoint usage' is 0 Instances",
            "ml.m5.xlarge for endpoint usage",
            "Service Quotas",
        ),
        ("RepositoryNotEmptyException: The repository cannot be deleted", "still holds images", "batch-delete-image"),
        ("api error BucketNotEmpty: The bucket you tried to delete", "archived models", "delete all versions"),
        (
            'ValidationException: Cannot create already existing model "arn:x".',
            "the name of an existing model",
            "revision",
        ),
        (
            'Cannot create already existing endpoint configuration "arn:x".',
            "the name of an existing endpoint configuration",
            "revision",
        ),
    ],
)
def test_what_aws_says_of_updates_quotas_and_leftovers_is_explained(error: str, cause: str, to_do: str):
    explained = explain(f"Error: {error}", NOW, "dev-endpoint", "FOLDER")
    assert explained is not None
    assert cause in explained.cause
    assert to_do in explained.remedy
