"""The state operations with OpenTofu, where it is installed; all else runs with it by TERRAFORM_BINARY_NAME=tofu."""

import io
import json
import shutil

import pytest
from rich.console import Console

from operations.bootstrap import bootstrap
from tests.operations.conftest import remote_of

BUCKET = "state-of-opentofu"


@pytest.mark.skipif(shutil.which("tofu") is None, reason="OpenTofu (tofu) is not on PATH")
def test_bootstrap_plan_apply_and_an_empty_plan(account, write_stack, tmp_path, monkeypatch):
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", "tofu")
    bucket = {"bucket": BUCKET, "force_destroy": True}
    versioning = {"bucket": "${aws_s3_bucket.b.bucket}", "versioning_configuration": {"status": "Enabled"}}
    resources = {"aws_s3_bucket": {"b": bucket}, "aws_s3_bucket_versioning": {"b": versioning}}
    terraform = write_stack("dev-state", resources, bucket=BUCKET)
    assert terraform.run("version").startswith("OpenTofu")
    bootstrap(terraform, tmp_path, Console(file=io.StringIO()))

    resources["aws_s3_object"] = {"o": {"bucket": "${aws_s3_bucket.b.bucket}", "key": "k", "content": "c"}}
    write_stack("dev-state", resources, bucket=BUCKET)
    plan = terraform.plan()
    assert [(change.symbol, change.address) for change in plan.changes] == [("+", "aws_s3_object.o")]
    terraform.apply(plan)
    assert not terraform.plan().changes
    assert terraform.state_list() == ["aws_s3_bucket.b", "aws_s3_bucket_versioning.b", "aws_s3_object.o"]
    # OpenTofu's own name of hashicorp/aws, which the stand-in provider answers to as well.
    providers = {resource["provider"] for resource in json.loads(remote_of(terraform).read())["resources"]}
    assert providers == {'provider["registry.opentofu.org/hashicorp/aws"]'}
