"""Arbitrary plan JSON: never a traceback, never a destructive change called safe, never a secret in the output."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plan_review.errors import ReviewError
from plan_review.findings import Severity, Verdict
from plan_review.formats import json as json_format
from plan_review.formats import markdown, sarif, text
from plan_review.models import ModelAction
from plan_review.plan import ACTIONS
from plan_review.reading import read_plan
from plan_review.review import Review, review
from tests.plan_review.conftest import PLANS
from tests.plan_review.conftest import settings as review_settings

BOUNDED = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SETTINGS = review_settings()

TYPES = (
    "aws_sagemaker_endpoint",
    "aws_sagemaker_endpoint_configuration",
    "aws_sagemaker_model",
    "aws_appautoscaling_target",
    "aws_s3_bucket",
    "aws_s3_bucket_versioning",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_object",
    "aws_s3_object_copy",
    "aws_s3_bucket_object",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_kms_key",
    "aws_ecr_repository",
    "aws_security_group",
    "aws_cloudwatch_metric_alarm",
    "aws_lambda_function",
    "terraform_data",
)
KEYS = st.sampled_from(
    (
        "name",
        "bucket",
        "key",
        "storage_class",
        "kms_key_id",
        "source_hash",
        "metadata",
        "endpoint_config_name",
        "deployment_config",
        "auto_rollback_configuration",
        "alarms",
        "production_variants",
        "instance_type",
        "initial_instance_count",
        "model_name",
        "policy",
        "assume_role_policy",
        "inline_policy",
        "rule",
        "expiration",
        "days",
        "versioning_configuration",
        "status",
        "acl",
        "ingress",
        "cidr_blocks",
        "resource_id",
        "is_enabled",
        "tags",
    )
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        (
            "Enabled",
            "*",
            "models/a/1-0123456789abcdef.tar.gz",
            "models/a/2-fedcba9876543210.tar.gz",
            "endpoint/x/variant/y",
            '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}',
            '{"Statement": 5}',
            "0.0.0.0/0",
            "`|<script>@everyone\n\x1b[31m",
        )
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
SIDES = st.dictionaries(KEYS, VALUES, max_size=6)
MASKS = st.recursive(
    st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    type_ = draw(st.sampled_from(TYPES))
    actions = draw(st.sampled_from(sorted(ACTIONS)))
    exists_before, exists_after = actions != ("create",), actions not in (("delete",), ("forget",))
    return {
        "address": f"{type_}.{draw(st.text(max_size=6))}",
        "mode": "managed",
        "type": type_,
        "name": "x",
        "change": {
            "actions": list(actions),
            "before": draw(SIDES) if exists_before else None,
            "after": draw(SIDES) if exists_after else None,
            "after_unknown": draw(MASKS),
            "before_sensitive": draw(MASKS),
            "after_sensitive": draw(MASKS),
            "replace_paths": draw(st.lists(st.lists(KEYS | st.integers(0, 3), max_size=3), max_size=2)),
        },
    }


PLAN_DOCUMENTS = st.fixed_dictionaries(
    {
        "format_version": st.just("1.2"),
        "resource_changes": st.lists(changes(), max_size=5),
        "resource_drift": st.lists(changes(), max_size=2),
        "output_changes": VALUES,
        "configuration": VALUES,
    }
)


def reviewed(document: object) -> Review:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dev-endpoint.json"
        path.write_text(json.dumps(document))
        return review([read_plan(path)], SETTINGS)


def outputs(result: Review) -> list[str]:
    return [markdown.render(result), text.render(result, width=100), json_format.render(result), sarif.render(result)]


@BOUNDED
@given(PLAN_DOCUMENTS)
def test_any_plan_is_reviewed_in_every_format(document: dict[str, Any]) -> None:
    result = reviewed(document)
    comment, terminal, as_json, as_sarif = outputs(result)
    assert len(comment.encode()) < markdown.LIMIT
    assert comment.count("<details>") == comment.count("</details>")
    assert "<script>" not in re.sub("`[^`]*`", "", comment)  # inside a code span it is text
    assert "\x1b" not in terminal
    assert json.loads(as_json)["exit_code"] == result.decision.exit_code
    assert len(json.loads(as_sarif)["runs"][0]["results"]) == len(result.findings)


@BOUNDED
@given(PLAN_DOCUMENTS)
def test_what_destroys_is_never_safe(document: dict[str, Any]) -> None:
    result = reviewed(document)
    destroyed = [change for change in document["resource_changes"] if "delete" in change["change"]["actions"]]
    beside_models = [change for change in destroyed if change["type"] != "aws_s3_object"]
    if beside_models:
        assert result.decision >= Severity.APPROVAL
        assert result.verdict >= Verdict.OTHER
    if any(change["type"] in ("aws_sagemaker_endpoint", "aws_s3_bucket", "aws_kms_key") for change in beside_models):
        assert result.verdict is Verdict.OUTAGE
        assert result.decision is Severity.BLOCKED
    if destroyed and result.decision is Severity.NOTE:
        kinds = {model.action for model in result.stacks[0].models}
        assert ModelAction.EARLIER_REMOVED in kinds
        assert ModelAction.REMOVED not in kinds


@BOUNDED
@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_plan_is_one_clear_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dev-endpoint.json"
        path.write_bytes(content)
        try:
            read_plan(path)
        except ReviewError as error:
            assert str(error).startswith(f"{path}: ")
            assert "\n" not in str(error)
        else:
            raise AssertionError("read as a plan")


REAL = {path.stem: json.loads(path.read_text()) for path in sorted(PLANS.glob("*.json"))}


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a document."""
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += nodes(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += nodes(item, (*path, index))
    return found


@BOUNDED
@given(st.sampled_from(sorted(REAL)), st.lists(st.tuples(st.integers(0, 10**6), VALUES), min_size=1, max_size=4))
def test_a_damaged_real_plan_is_reviewed_or_refused(name: str, damages: list[tuple[int, Any]]) -> None:
    document = copy.deepcopy(REAL[name])
    for number, value in damages:
        places = nodes(document)[1:]
        path = places[number % len(places)]
        parent = document
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = value
    try:
        result = reviewed(document)
    except ReviewError as error:
        assert "\n" not in str(error)
    else:
        assert all(outputs(result))


@BOUNDED
@given(st.sampled_from(sorted(REAL)), st.data())
def test_sensitive_values_never_appear(name: str, data: st.DataObject) -> None:
    """Every string below a few attributes of a real plan becomes a secret that Terraform marks as sensitive."""
    document = copy.deepcopy(REAL[name])
    secrets = []
    for change in document.get("resource_changes", []) + document.get("resource_drift", []):
        for side in ("before", "after"):
            values = change["change"][side]
            if not values:
                continue
            attribute = data.draw(st.sampled_from(sorted(values)))
            secret = f"Zq7{len(secrets)}hidden"
            values[attribute] = planted(values[attribute], secret)
            sensitive = change["change"].get(f"{side}_sensitive")
            change["change"][f"{side}_sensitive"] = {
                **(sensitive if isinstance(sensitive, dict) else {}),
                attribute: True,
            }
            secrets.append(secret)
    everything = "\n".join(outputs(reviewed(document)))
    assert [secret for secret in secrets if secret in everything] == []


def planted(value: Any, secret: str) -> Any:
    if isinstance(value, dict):
        return {key: planted(item, secret) for key, item in value.items()} or {secret: secret}
    if isinstance(value, list):
        return [planted(item, secret) for item in value] or [secret]
    return f"{value}{secret}" if isinstance(value, str) else secret
