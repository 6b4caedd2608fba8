"""What users get wrong, and what the local AWS refuses, as real Terraform shows it."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.access_key import AccessKey
from local_aws.provider.server import ProviderServer
from tests.local_aws.account import Account, unique
from tests.local_aws.provider.terraform import Terraform, actions, changed

CLOSED = "http://127.0.0.1:1"


def provider(block: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"aws": [{**block, **changes}]}


def test_what_the_stand_in_does_not_cover(terraform: Terraform, provider_block: dict[str, Any]) -> None:
    bucket = {"bucket": "b", "versioning": [{"enabled": True}], "acl": "private"}
    role = {"name": "r", "assume_role_policy": "{}", "inline_policy": [{"name": "p"}]}
    terraform.configure(
        {
            "provider": provider(provider_block),
            "resource": {"aws_s3_bucket": {"b": bucket}, "aws_iam_role": {"r": role}},
        }
    )
    output = terraform.run("validate", expect=1)
    assert "aws_s3_bucket: versioning is not covered by the local AWS's stand-in provider" in output
    assert (
        "Take acl out, or add it to the entry of aws_s3_bucket in local_aws/provider/resources/s3_bucket.py" in output
    )
    assert "add it to the entry of aws_iam_role in local_aws/provider/resources/iam.py" in output

    terraform.configure(
        {"provider": provider(provider_block), "resource": {"aws_s3_bucket": {"b": {"buket": "misspelled"}}}}
    )
    assert 'No argument or block type is named "buket"' in terraform.run("validate", expect=1)


FUNCTION = """
resource "aws_lambda_function" "f" {
  function_name = "f"
  role          = "arn:aws:iam::123456789012:role/f"
  vpc_config {
    subnet_ids         = ["subnet-1"]
    security_group_ids = []
  }
}
"""


def test_types_that_the_stand_in_does_not_cover(terraform: Terraform, provider_block: dict[str, Any]) -> None:
    """Never in Terraform's words, which would name the real provider; in modules and for data sources, too."""
    module = terraform.directory / "modules" / "function"
    module.mkdir(parents=True)
    (module / "main.tf").write_text(FUNCTION)
    configuration = {
        "provider": provider(provider_block),
        "resource": {"aws_sqs_queue": {"q": {"name": "q", "tags": {"a": "b"}}}},
        "data": {"aws_vpc": {"v": {"default": True, "filter": [{"name": "cidr", "values": ["10.0.0.0/8"]}]}}},
        "module": {"function": {"source": "./modules/function"}},
    }
    terraform.configure(configuration)
    for arguments in (("validate",), ("plan", "-input=false")):
        output = terraform.run(*arguments, expect=1)
        for name in ("aws_sqs_queue", "aws_lambda_function", "data.aws_vpc"):
            assert f"Error: the stand-in provider does not cover {name} " in output
        assert "LOCAL_AWS_PROVIDER=hashicorp" in output
        assert "does not support" not in output
        assert "Unsupported" not in output

    del configuration["data"], configuration["module"]
    configuration["resource"]["aws_sqs_queue"]["q"]["misspelled"] = 1
    terraform.configure(configuration)
    assert 'No argument or block type is named "misspelled"' in terraform.run("validate", expect=1)


def test_a_state_with_a_type_that_the_stand_in_does_not_cover(
    terraform: Terraform, provider_block: dict[str, Any]
) -> None:
    """As one that was made with the real provider may have."""
    terraform.configure({"provider": provider(provider_block)})
    queue = {
        "mode": "managed",
        "type": "aws_sqs_queue",
        "name": "q",
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [{"schema_version": 0, "attributes": {"id": "q", "name": "q"}}],
    }
    state = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "l", "resources": [queue]}
    (terraform.directory / "terraform.tfstate").write_text(json.dumps(state))
    assert "the stand-in provider does not cover aws_sqs_queue" in terraform.run("plan", "-input=false", expect=1)


def test_endpoints_that_are_not_loopback(terraform: Terraform, provider_block: dict[str, Any]) -> None:
    endpoints = [{"s3": "https://s3.amazonaws.com", "iam": "http://10.1.2.3"}]
    terraform.configure(
        {
            "provider": provider(provider_block, endpoints=endpoints),
            "resource": {"aws_s3_bucket": {"b": {"bucket": "b"}}},
        }
    )
    output = terraform.run("plan", "-input=false", expect=1)
    assert "Endpoint https://s3.amazonaws.com is not on loopback" in output
    assert "Endpoint http://10.1.2.3 is not on loopback" in output
    assert "in a shell without the local AWS's variables" in output


def test_a_local_aws_that_has_stopped(tmp_path: Path, provider_block: dict[str, Any]) -> None:
    server = ProviderServer(CLOSED, AccessKey.generate())
    server.start()
    try:
        terraform = Terraform(tmp_path / "stopped", server)
        block = {key: value for key, value in provider_block.items() if key != "allowed_account_ids"}
        terraform.configure(
            {
                "provider": provider(block, endpoints=[{"s3": CLOSED}], max_retries=0),
                "data": {"aws_s3_bucket": {"b": {"bucket": "b"}}},
            }
        )
        output = terraform.run("plan", "-input=false", expect=1)
        assert f"reading data.aws_s3_bucket: the local AWS at {CLOSED} does not answer" in output
    finally:
        server.stop()


def test_what_goes_wrong_in_an_apply(
    terraform: Terraform, account: Account, provider_block: dict[str, Any], tmp_path: Path
) -> None:
    """A missing file, a bucket that exists, an image that does not: each its sentence, and the rest is made."""
    taken, name = unique("taken"), unique("applied")
    account.s3.create_bucket(Bucket=taken)
    resources = {
        "aws_s3_bucket": {"b": {"bucket": name, "force_destroy": True}, "taken": {"bucket": taken}},
        "aws_s3_object": {
            "o": {"bucket": "${aws_s3_bucket.b.id}", "key": "k", "source": "../models/o.tar.gz", "source_hash": "1"}
        },
        "aws_sagemaker_model": {
            "m": {
                "name": name,
                "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
                "primary_container": [{"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fake:no-such-tag"}],
            }
        },
    }
    terraform.configure({"provider": provider(provider_block), "resource": resources})
    assert set(actions(terraform.plan()).values()) == {"create"}
    output = terraform.apply_fails()
    assert f"creating aws_s3_bucket ({taken}): BucketAlreadyExists" in output
    assert "k: the file to upload does not exist" in output
    assert f"source = ../models/o.tar.gz ({tmp_path}/models/o.tar.gz)" in output
    assert f"creating aws_sagemaker_model ({name}): CreateModel failed: ValidationException" in output
    assert "Traceback" not in output
    assert set(terraform.state()) == {"aws_s3_bucket.b"}

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "o.tar.gz").write_bytes(b"here now")
    del resources["aws_s3_bucket"]["taken"], resources["aws_sagemaker_model"]
    terraform.configure({"provider": provider(provider_block), "resource": resources})
    terraform.apply()
    assert account.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"here now"
    # On a bucket without versions the object itself is deleted.
    terraform.run("destroy", "-auto-approve")


@pytest.mark.parametrize(
    ("type_name", "arguments", "identifier"),
    [
        ("aws_s3_bucket", {"bucket": "b"}, "no-such-bucket"),
        ("aws_s3_object", {"bucket": "b", "key": "k"}, "no-such-bucket/key"),
        ("aws_iam_role", {"assume_role_policy": "{}"}, "no-such-role"),
        ("aws_sagemaker_endpoint", {"endpoint_config_name": "c"}, "no-such-endpoint"),
    ],
)
def test_importing_what_is_not_there(
    terraform: Terraform, provider_block: dict[str, Any], type_name: str, arguments: dict[str, Any], identifier: str
) -> None:
    """In Terraform's own words, from the command and from a block."""
    configuration = {"provider": provider(provider_block), "resource": {type_name: {"r": arguments}}}
    terraform.configure(configuration)
    said = f'existing object to "{type_name}.r", the provider detected that no object exists with the given id'
    output = terraform.run("import", f"{type_name}.r", identifier, expect=1)
    assert "Cannot import non-existent remote object" in output
    assert said in output
    terraform.configure({**configuration, "import": [{"to": f"{type_name}.r", "id": identifier}]})
    output = terraform.run("plan", "-input=false", expect=1)
    assert "Cannot import non-existent remote object" in output
    assert said in output


def test_an_endpoint_that_never_comes_into_service(
    terraform: Terraform, account: Account, provider_block: dict[str, Any]
) -> None:
    """The reason is shown; the endpoint stays in the state, tainted, so that the next apply creates it again."""
    model, name = account.create_model(environment={"FAKE_PING": "500"}), unique("failing")
    resources = {
        "aws_sagemaker_endpoint_configuration": {
            "c": {
                "name": name,
                "production_variants": [
                    {
                        "variant_name": "v",
                        "model_name": model,
                        "instance_type": "ml.m5.large",
                        "initial_instance_count": 1,
                    }
                ],
            }
        },
        "aws_sagemaker_endpoint": {
            "e": {"name": name, "endpoint_config_name": "${aws_sagemaker_endpoint_configuration.c.name}"}
        },
    }
    terraform.configure({"provider": provider(provider_block), "resource": resources})
    output = terraform.apply_fails()
    assert f"endpoint {name} is Failed" in output
    assert "did not pass the ping health check" in output
    assert actions(terraform.plan()) == {"aws_sagemaker_endpoint.e": "delete/create"}
    terraform.run("destroy", "-auto-approve")


def test_two_configurations_at_once(terraform: Terraform, account: Account, provider_block: dict[str, Any]) -> None:
    """Aliased providers share the server; each keeps its own tags and region."""
    name = unique("aliases")
    east = {**provider_block, "default_tags": [{"tags": {"Side": "east"}}]}
    west = {**east, "alias": "west", "region": "us-west-2", "default_tags": [{"tags": {"Side": "west"}}]}
    resources = {
        "aws_sns_topic": {"east": {"name": name}, "west": {"name": name, "provider": "aws.west"}},
        "aws_cloudwatch_log_group": {"far": {"name": name, "region": "eu-west-1"}},
    }
    terraform.configure({"provider": {"aws": [east, west]}, "resource": resources})
    terraform.apply()
    state = terraform.state()
    assert state["aws_sns_topic.east"]["arn"] == f"arn:aws:sns:us-east-1:123456789012:{name}"
    assert state["aws_sns_topic.west"]["arn"] == f"arn:aws:sns:us-west-2:123456789012:{name}"
    assert state["aws_sns_topic.west"]["tags_all"] == {"Side": "west"}
    assert state["aws_cloudwatch_log_group.far"]["arn"].startswith("arn:aws:logs:eu-west-1:")
    assert actions(terraform.plan()) == {}
    west["region"] = "ap-south-1"
    terraform.configure({"provider": {"aws": [east, west]}, "resource": resources})
    plan = terraform.plan()
    assert actions(plan) == {"aws_sns_topic.west": "delete/create"}
    terraform.run("destroy", "-auto-approve")


def test_many_objects(terraform: Terraform, account: Account, provider_block: dict[str, Any], tmp_path: Path) -> None:
    """So many that a refresh lists the bucket: drift is seen all the same."""
    name = unique("many")
    (tmp_path / "work" / "file").write_bytes(b"content")
    objects = {
        f"o{i}": {"bucket": "${aws_s3_bucket.b.id}", "key": f"o{i}", "source": "file", "source_hash": "1"}
        for i in range(60)
    }
    block = {key: value for key, value in provider_block.items() if key != "default_tags"}
    resources = {"aws_s3_bucket": {"b": {"bucket": name, "force_destroy": True}}, "aws_s3_object": objects}
    terraform.configure({"provider": provider(block), "resource": resources})
    terraform.apply()
    assert actions(terraform.plan()) == {}
    account.s3.delete_object(Bucket=name, Key="o50")
    account.s3.put_object(Bucket=name, Key="o51", Body=b"other", ContentType="text/plain")
    objects["o51"]["content_type"] = "application/octet-stream"
    terraform.configure({"provider": provider(block), "resource": resources})
    plan = terraform.plan()
    assert actions(plan) == {"aws_s3_object.o50": "create", "aws_s3_object.o51": "update"}
    assert "content_type" in changed(plan, "aws_s3_object.o51")
    terraform.run("destroy", "-auto-approve")
