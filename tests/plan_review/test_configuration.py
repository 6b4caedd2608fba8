"""What the configuration of a plan says of its resources."""

from __future__ import annotations

from typing import Any

import pytest

from plan_review.configuration import Configuration

CONSTANT = {"constant_value": "x"}
BUCKET = {"references": ["aws_s3_bucket.b.bucket", "aws_s3_bucket.b"]}
ROOT: dict[str, Any] = {
    "outputs": {"models": {"expression": {"references": ['aws_s3_object.a["x"].key', "aws_s3_object.a"]}}},
    "resources": [
        {
            "address": "aws_s3_object.a",
            "provider_config_key": "aws",
            "for_each_expression": {},
            "expressions": {
                "bucket": BUCKET,
                "acl": {"constant_value": None},
                "computed": {},
                "rule": [{"id": CONSTANT, "expiration": [{"days": {"constant_value": 1}}]}],
                "single": {"inner": CONSTANT},
            },
        },
        {"address": "aws_s3_bucket.b", "expressions": {}},
        {
            "address": "terraform_data.check",
            "depends_on": ["aws_s3_object.a"],
            "provisioners": [{"type": "local-exec"}],
        },
    ],
    "module_calls": {
        "inner": {
            "module": {
                "resources": [
                    {"address": "aws_s3_bucket.b", "expressions": {"bucket": CONSTANT}},
                    {"address": "aws_s3_object.a", "expressions": {"bucket": BUCKET}},
                ]
            }
        }
    },
}
CONFIGURATION = Configuration(ROOT)


@pytest.mark.parametrize(
    ("path", "is_set"),
    [
        (("bucket",), True),
        (("computed",), True),
        (("acl",), False),
        (("etag",), False),
        (("rule",), True),
        (("rule", 0, "id"), True),
        (("rule", 0, "prefix"), False),
        (("rule", 0, "expiration", 0, "days"), True),
        (("rule", 0, "expiration", 0, "date"), False),
        (("rule", 1, "id"), True),
        (("single", 0, "inner"), True),
        (("single", 0, "outer"), False),
        (("bucket", "deeper"), True),
        ((), False),
    ],
)
def test_which_attributes_a_block_sets(path: tuple[str | int, ...], is_set: bool) -> None:
    block = CONFIGURATION.resource("aws_s3_object.a")
    assert block is not None
    assert block.sets(*path) is is_set


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("aws_s3_object.a", True),
        ('aws_s3_object.a["x.y[0]"]', True),
        ("aws_s3_object.a[0]", True),
        ('module.inner["k"].aws_s3_bucket.b', True),
        ("module.other.aws_s3_bucket.b", False),
        ("aws_s3_object.b", False),
    ],
)
def test_a_resource_s_block(address: str, found: bool) -> None:
    assert (CONFIGURATION.resource(address) is not None) is found


def test_what_depends_on_what() -> None:
    assert list(CONFIGURATION.dependents("aws_s3_bucket.b")) == ["aws_s3_object.a"]
    assert list(CONFIGURATION.dependents("module.inner[0].aws_s3_bucket.b")) == ["module.inner.aws_s3_object.a"]
    assert list(CONFIGURATION.dependents('aws_s3_object.a["x"]')) == ["terraform_data.check"]


def test_provisioners_providers_and_references() -> None:
    check, copied = CONFIGURATION.resource("terraform_data.check"), CONFIGURATION.resource("aws_s3_object.a")
    assert check is not None
    assert copied is not None
    assert (check.provisioners, copied.provisioners) == (True, False)
    assert (check.provider_key, copied.provider_key) == ("", "aws")
    assert copied.references("bucket") == ("aws_s3_bucket.b.bucket", "aws_s3_bucket.b")
    assert CONFIGURATION.output_references("models") == ("aws_s3_object.a",)
    assert CONFIGURATION.output_references("other") == ()


@pytest.mark.parametrize(
    "root", [None, {}, {"resources": 5, "module_calls": [], "outputs": ""}, {"resources": [5, {}]}]
)
def test_what_is_no_configuration_has_no_blocks(root: Any) -> None:
    configuration = Configuration(root)
    assert configuration.resource("aws_s3_object.a") is None
    assert list(configuration.dependents("aws_s3_object.a")) == []
    assert configuration.output_references("models") == ()
