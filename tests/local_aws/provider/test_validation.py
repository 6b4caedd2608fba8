"""Errors of a configuration before the apply: in the real provider's words, in unit tests and by real Terraform."""

from typing import Any

import pytest

from local_aws.provider.checks import CHECKS, enum_values, json_problem
from local_aws.provider.framework_checks import value as framework_value
from local_aws.provider.schema import Block, load_schema
from local_aws.provider.validation import load_demands, validate_config
from local_aws.provider.values import UNKNOWN
from tests.local_aws.provider.terraform import Terraform

SCHEMA = load_schema()
DEMANDS = load_demands()
RELATIONS = {"conflicts_with", "exactly_one_of", "required_with", "any_case", "enum", "most_items"}
FRAMEWORK = {"least_items", "one_child", "most_one_child"}


def block_of(name: str) -> Block:
    if name.startswith("data."):
        return SCHEMA.data_sources[name.removeprefix("data.")]
    return SCHEMA.resources[name]


def complaints(name: str, /, **config: Any) -> list[tuple[str, str]]:
    """Summaries and details of errors and warnings about a configuration."""
    block = block_of(name)
    problems = validate_config(block, block.conform(config), DEMANDS[name])
    return [(problem.summary, problem.detail) for problem in problems]


@pytest.mark.parametrize("name", sorted(DEMANDS))
def test_demands_are_of_arguments_that_exist(name: str) -> None:
    for path, demands in DEMANDS[name].items():
        block = block_of(name)
        *parents, last = path.removesuffix("[]").split(".")
        for parent in parents:
            block = block.blocks[parent].block
        assert last in block.names, path
        assert demands.keys() <= CHECKS.keys() | RELATIONS | FRAMEWORK, path
        if "enum" in demands:
            assert enum_values(demands["enum"]), path


VARIANT = {"model_name": "m", "variant_name": "v", "initial_instance_count": 1, "instance_type": "ml.m5.large"}


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        (
            "aws_sagemaker_endpoint_configuration",
            {"production_variants": [VARIANT, {**VARIANT, "volume_size_in_gb": 0, "initial_variant_weight": -1}]},
            [
                "expected production_variants.1.initial_variant_weight to be at least (0.000000), got -1.000000",
                "expected production_variants.1.volume_size_in_gb to be in the range (1 - 512), got 0",
            ],
        ),
        (
            "aws_sagemaker_endpoint_configuration",
            {"name": "-a_b", "name_prefix": UNKNOWN, "kms_key_arn": "alias/key", "production_variants": [VARIANT] * 11},
            [
                '"kms_key_arn" (alias/key) is an invalid ARN: arn: invalid prefix',
                'only alphanumeric characters and hyphens allowed in "name": "-a_b"',
                '"name" cannot begin with a hyphen: "-a_b"',
                "Too many list items",
            ],
        ),
        (
            "aws_sagemaker_model",
            {
                "execution_role_arn": "arn:aws:iam::12:role/r",
                "primary_container": [{"environment": {"1-": "x" * 1025}}],
            },
            [
                '"execution_role_arn" (arn:aws:iam::12:role/r) is an invalid ARN: invalid account ID value (expecting '
                "to match regular expression: ^(aws|aws-managed|third-party|\\d{12}|cw.{10})$)",
                'only alphanumeric characters and underscore allowed in "primary_container.0.environment": "1-"',
                f'"primary_container.0.environment" cannot be longer than 1024 characters: "{"x" * 1025}"',
                '"primary_container.0.environment" cannot begin with a digit: "1-"',
            ],
        ),
        (
            "aws_cloudwatch_metric_alarm",
            {"treat_missing_data": "notbreaching", "period": 45, "alarm_actions": ["arn:aws:sns:us-east-1:1"]},
            [
                '"alarm_actions.0" (arn:aws:sns:us-east-1:1) is an invalid ARN: arn: not enough sections',
                "expected period to be one of [10 20 30], got 45",
                "expected period to be divisible by 60, got: 45",
            ],
        ),
        (
            "aws_cloudwatch_metric_alarm",
            {
                "extended_statistic": "p99.9",
                "metric_query": [{"id": "a", "metric": [{"stat": "Middle", "period": 60}]}],
            },
            [
                "Conflicting configuration arguments",
                'expected metric_query.0.metric.0.stat to be one of ["SampleCount" "Average" "Sum" "Minimum" "Maximum"]'
                ", got Middle",
                "invalid value for metric_query.0.metric.0.stat (invalid statistic, see: "
                "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html)",
            ],
        ),
        (
            "aws_cloudwatch_log_group",
            {"name": "a b", "retention_in_days": 2},
            [
                '"name" isn\'t a valid log group name (alphanumeric characters, underscores, hyphens, slashes, hash '
                'signs and dots are allowed): "a b"',
                "expected retention_in_days to be one of [0 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 "
                "2192 2557 2922 3288 3653], got 2",
            ],
        ),
        (
            "aws_s3_object",
            {
                "bucket": "",
                "metadata": {"Size": "1"},
                "object_lock_retain_until_date": "2026-01-01",
                "arn": "x",
                "id": "y",
            },
            [
                "Value for unconfigurable attribute",
                "bucket must not be empty, got ",
                "Invalid or unknown key",
                'Metadata must be lowercase only. Offending key: "Size"',
                'expected "object_lock_retain_until_date" to be a valid RFC3339 date, got "2026-01-01": it has no '
                "time zone",
            ],
        ),
        (
            "aws_iam_role_policy",
            {"policy": ' {"Version": "2012-10-17"}', "name": "a/b"},
            [
                "invalid value for name (must match [\\w+=,.@-])",
                '"policy" contains an invalid JSON policy: leading space characters are not allowed',
            ],
        ),
        (
            "aws_iam_policy",
            {"policy": '{"Statement": "%s"}' % ("x" * 6144)},
            ["Cannot exceed quota for PolicySize: 6144 (actual: 6160)"],
        ),
        (
            "aws_iam_role",
            {"assume_role_policy": "{,}", "max_session_duration": 60, "description": "\u201cquoted"},
            [
                "\"assume_role_policy\" contains an invalid JSON: invalid character ',' looking for beginning of "
                "object key string",
                "invalid value for description (cannot contain specially formatted single or double quotes: "
                "[\u201c\u2018])",
                "expected max_session_duration to be in the range (3600 - 43200), got 60",
            ],
        ),
        ("aws_kms_key", {"xks_key_id": "k", "rotation_period_in_days": 10}, ["Missing required argument"] * 2),
        (
            "aws_appautoscaling_policy",
            {
                "name": "n" * 256,
                "step_scaling_policy_configuration": [{"step_adjustment": [{"metric_interval_lower_bound": "x"}]}],
            },
            [
                f"expected length of name to be in the range (0 - 255), got {'n' * 256}",
                "step_scaling_policy_configuration.0.step_adjustment.0.metric_interval_lower_bound: cannot parse 'x' "
                "as float: invalid syntax",
            ],
        ),
        (
            "data.aws_iam_policy_document",
            {"statement": [{"effect": "Permit"}], "source_policy_documents": ["{"]},
            [
                '"source_policy_documents.0" contains an invalid JSON: unexpected end of JSON input',
                'expected statement.0.effect to be one of ["Allow" "Deny"], got Permit',
            ],
        ),
    ],
)
def test_complaints_of_the_sdk(name: str, config: dict[str, Any], expected: list[str]) -> None:
    found = [summary for summary, _detail in complaints(name, **config)]
    if name == "aws_kms_key":
        found = [summary for summary in found if not summary.startswith("expected")]
    assert found == expected


def test_relations_between_arguments() -> None:
    assert complaints("aws_s3_object", bucket="b", key="k", content="c", source="s") == [
        ("Conflicting configuration arguments", '"content": conflicts with source'),
        ("Conflicting configuration arguments", '"source": conflicts with content'),
    ]
    keys = "`deployment_config.0.blue_green_update_policy,deployment_config.0.rolling_update_policy`"
    combination = "Invalid combination of arguments"
    rolling = {"maximum_batch_size": [{"type": "INSTANCE_COUNT", "value": 1}], "wait_interval_in_seconds": 0}
    routing = {"traffic_routing_configuration": [{"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0}]}
    both = {"blue_green_update_policy": [routing], "rolling_update_policy": [rolling]}
    both_said = [
        (combination, f'"{key}": only one of {keys} can be specified, but {keys} were specified.')
        for key in ("deployment_config.0.blue_green_update_policy", "deployment_config.0.rolling_update_policy")
    ]
    assert complaints("aws_sagemaker_endpoint", endpoint_config_name="c", deployment_config=[both]) == both_said
    assert (
        combination,
        f'"deployment_config.0.rolling_update_policy": one of {keys} must be specified',
    ) in complaints("aws_sagemaker_endpoint", endpoint_config_name="c", deployment_config=[{}])
    assert complaints("aws_sagemaker_endpoint", endpoint_config_name="c") == []
    unknown = {"blue_green_update_policy": UNKNOWN}
    assert complaints("aws_sagemaker_endpoint", endpoint_config_name="c", deployment_config=[unknown]) == []


def test_complaints_of_the_framework() -> None:
    rule = {"id": "", "status": "On", "filter": [{"prefix": "a", "object_size_less_than": 1}], "prefix": "b"}
    rule["transition"] = [{"days": -1, "storage_class": "COLD"}]
    rule["expiration"] = [{}]
    found = complaints(
        "aws_s3_bucket_lifecycle_configuration", bucket="b" * 64, expected_bucket_owner="me", rule=[rule], id="x"
    )
    assert (
        "Invalid Attribute Value Length",
        "Attribute bucket string length must be between 1 and 63, got: 64",
    ) in found
    assert (
        "Invalid Attribute Value Match",
        'Attribute rule[0].status value must be one of: ["Enabled" "Disabled"], got: "On"',
    ) in found
    assert (
        "Invalid Attribute Value",
        "Attribute rule[0].transition[0].days value must be at least 0, got: -1",
    ) in found
    assert [summary for summary, _ in found].count("Invalid Attribute Combination") == 3
    assert {"Invalid String Enum Value", "Invalid Configuration for Read-Only Attribute"} <= {item[0] for item in found}
    assert (
        "Invalid Attribute Value",
        "Attribute rule list must contain at least 1 elements, got: 0",
    ) in complaints("aws_s3_bucket_lifecycle_configuration", bucket="b")
    assert list(framework_value({"at_least": 1}, 1, ("a",))) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", ""),
        ("", "unexpected end of JSON input"),
        ('{"a": "b', "unexpected end of JSON input"),
        ("policy.json", "invalid character 'p' looking for beginning of value"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ("{} x", "invalid character 'x' after top-level value"),
    ],
)
def test_what_is_wrong_with_json(text: str, problem: str) -> None:
    assert json_problem(text) == problem


def test_by_terraform(terraform: Terraform, provider_block: dict[str, Any]) -> None:
    """All complaints at once, each with its argument; nothing is said of what is not known yet."""
    resources = {
        "aws_sagemaker_endpoint_configuration": {
            "c": {"production_variants": [{**VARIANT, "instance_type": "ml.enormous", "initial_instance_count": 0}]}
        },
        "aws_s3_bucket_policy": {"p": {"bucket": "b", "policy": "{"}},
        "aws_iam_role_policy": {"p": {"role": "r", "policy": "[]"}},
        "aws_s3_bucket": {"b": {"bucket": "b", "bucket_prefix": "b", "force_destroy": True}, "good": {"bucket": "g"}},
        "aws_cloudwatch_metric_alarm": {
            "a": {
                "alarm_name": "${aws_s3_bucket.good.arn}",
                "comparison_operator": "MoreThan",
                "evaluation_periods": 0,
                "alarm_actions": ["${aws_s3_bucket.good.arn}"],
            }
        },
    }
    terraform.configure({"provider": {"aws": [provider_block]}, "resource": resources})
    output = terraform.run("validate", expect=1)
    for sentence in (
        'Error: expected instance_type to be one of ["ml.t2.medium"',
        "got ml.enormous",
        "Error: expected production_variants.0.initial_instance_count to be at least (1), got 0",
        'Error: "policy" contains an invalid JSON: unexpected end of JSON input',
        'Error: "policy" contains an invalid JSON policy: contains a JSON array, not a JSON object',
        "Error: Conflicting configuration arguments with aws_s3_bucket.b",
        '"bucket": conflicts with bucket_prefix',
        'Error: expected comparison_operator to be one of ["GreaterThanOrEqualToThreshold"',
        "Error: expected evaluation_periods to be at least (1), got 0",
    ):
        assert sentence in output, sentence
    assert "alarm_actions" not in output


def test_what_only_a_plan_can_tell(terraform: Terraform, provider_block: dict[str, Any]) -> None:
    alarm = {"alarm_name": "a", "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 1}
    query = {"id": "q", "expression": "1", "metric": [{"metric_name": "m", "stat": "Sum", "period": 60}]}
    resources = {
        "aws_cloudwatch_metric_alarm": {"a": {**alarm, "metric_name": "m"}, "b": {**alarm, "metric_query": [query]}}
    }
    terraform.configure({"provider": {"aws": [provider_block]}, "resource": resources})
    terraform.run("validate")
    output = terraform.run("plan", "-input=false", expect=1)
    assert "Error: One of `statistic` or `extended_statistic` must be set for a cloudwatch metric alarm" in output
    assert "Error: No metric_query may have both `expression` and a `metric` specified" in output
