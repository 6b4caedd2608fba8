"""What never reaches a format."""

from __future__ import annotations

import time

import pytest

from plan_review.formats import json as json_format
from plan_review.formats import markdown
from plan_review.formats import text as text_format
from plan_review.redaction import REDACTED, SENSITIVE, UNKNOWN_TEXT, scrub, shown, shown_value
from plan_review.secret_names import is_secret_name
from plan_review.values import UNKNOWN, Values
from tests.plan_review.conftest import document_of, review_of

# Made up, and put together here so that no scanner takes them for real ones.
ACCESS_KEY = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "secret",
    [
        ACCESS_KEY,
        "ASIA" + "IOSFODNN7EXAMPLE",
        SECRET_KEY,
        "ghp_" + "a1B2" * 9,
        "glpat-" + "x" * 20,
        "eyJhbGciOiJI" + ".eyJzdWIiOiIx." + "c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn",
    ],
)
def test_what_looks_like_a_credential_is_redacted_anywhere_in_a_text(secret: str) -> None:
    text = scrub(f"value {secret}, and more")
    assert REDACTED in text
    assert secret.splitlines()[-1] not in text


def test_user_and_password_of_a_url_are_redacted() -> None:
    assert scrub("postgres://admin:hunter2@db:5432/x") == f"postgres://{REDACTED}@db:5432/x"
    assert scrub("https://x/y?token=abcdef123&z=1") == f"https://x/y?token={REDACTED}&z=1"


@pytest.mark.parametrize(
    "text",
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "models/squeezenet/1-b67a2dd4dbcc1489.tar.gz",
        "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/review-model-server:1111111111111111",
        "aws_sagemaker_endpoint_configuration.endpoint_configuration",
    ],
)
def test_what_a_review_is_about_stays(text: str) -> None:
    assert scrub(text) == text


def test_control_characters_become_a_space() -> None:
    assert scrub("a\x1b[31mred\r\nnext\u202ereversed") == "a [31mred next reversed"


def test_sensitive_unknown_and_secretly_named_values() -> None:
    values = Values(
        {"plain": "x", "sensitive": "y", "list": [{"inner": "z"}], "db_password": "w", "none": None},
        {"unknown": True, "partly": [{"a": True}]},
        {"sensitive": True, "list": [{"inner": True}]},
    )
    assert shown(values, "plain") == "x"
    assert shown(values, "sensitive") == SENSITIVE
    assert shown(values, "list") == SENSITIVE
    assert shown(values, "list", 0, "inner") == SENSITIVE
    assert shown(values, "db_password") == REDACTED
    assert shown(values, "unknown") == UNKNOWN_TEXT
    assert shown(values, "unknown", "below") == UNKNOWN_TEXT
    assert shown(values, "none") == shown(values, "missing") == "(none)"
    assert values.visible("sensitive") is UNKNOWN
    assert values.visible("list") == [{"inner": UNKNOWN}]
    assert values.at("list", 0, "inner") == "z"


def test_values_are_cut_and_containers_are_json() -> None:
    assert len(shown_value("x" * 500)) == 160
    assert shown_value({"a": [1, UNKNOWN]}) == f'{{"a": [1, "{UNKNOWN_TEXT}"]}}'
    assert shown_value(0) == "0"
    assert shown_value(False) == "false"
    assert shown_value("") == shown_value([]) == shown_value({}) == shown_value(None) == "(none)"


NAMES = {
    "secret": [
        *("DB_PASS", "db_pass_old", "dbPassword", "PGPASSWORD", "DBPASS", "MYSQL_PWD", "ADMIN_PW", "SENTRY_DSN"),
        *(
            "SIGNING_KEY",
            "api_key",
            "apiKey",
            "API_KEYS",
            "API_KEY_2",
            "SECRET_KEY_BASE",
            "license-key",
            "customer_key",
        ),
        *("HF_TOKEN", "authToken", "refresh_tokens", "CLIENT_SECRET", "AWS_CREDENTIALS", "SESSION_COOKIE", "JWT"),
        *("conn_string", "CONNECTION_STRING", "SLACK_WEBHOOK_URL", "BASIC_AUTH", "PASSPHRASE"),
    ],
    "plain": [
        *(
            "kms_key",
            "kms_key_arn",
            "kms_key_id",
            "kms_master_key_id",
            "bucket_key_enabled",
            "key",
            "hash_key",
            "public_key",
        ),
        *(
            "MAX_TOKENS",
            "max_new_tokens",
            "bypass_policy_lockout_safety_check",
            "author",
            "compass",
            "unique_id",
            "monkey",
        ),
        *("model_data_url", "source_hash", "SERVER_WORKERS", "keyboard", "key_usage", "object_key", "tokenizer"),
    ],
}


@pytest.mark.parametrize("name", NAMES["secret"])
def test_a_secrets_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", NAMES["plain"])
def test_a_name_that_is_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_a_key_alone_is_a_secret_only_where_people_name_it() -> None:
    assert is_secret_name("KEY")
    assert is_secret_name("key", free=True)
    values = Values({"key": "models/a.tar.gz", "environment": [{"variables": {"key": "hunter2", "plain": "x"}}]})
    assert shown(values, "key") == "models/a.tar.gz"
    assert shown(values, "environment", 0, "variables", "key") == REDACTED
    assert shown(values, "environment") == '[{"variables": {"key": "(redacted)", "plain": "x"}}]'


def test_a_value_beside_a_secrets_name_is_redacted() -> None:
    values = Values({"environment": [{"name": "DB_PASS", "value": "hunter2"}, {"name": "PORT", "value": "8080"}]})
    assert shown(values, "environment", 0, "value") == REDACTED
    assert shown(values, "environment", 1, "value") == "8080"
    assert "hunter2" not in shown(values, "environment")


@pytest.mark.parametrize(
    "text",
    [
        "export DB_PASS=hunter2",
        "serve --password=hunter2 --port=1",
        "docker run --env=DB_PASS=hunter2",
        "DB_PASS=a=hunter2",
        r'DB_PASS="a \"hunter2"',
        'DB_PASS="a hunter2',
        "export DB_PASS='hunter2 and more'",
        'SIGNING_KEY="hunter2"; true',
        '{"DB_PASS": "hunter2"}',
        '{"environment": [{"name": "DB_PASS", "value": "hunter2"}]}',
        '[{"Name":"API_KEY","Value":"hunter2"}]',
        '{"inner": "{\\"token\\": \\"hunter2\\"}"}',
    ],
)
def test_secrets_inside_a_text_are_redacted(text: str) -> None:
    assert "hunter2" not in scrub(text)
    assert REDACTED in scrub(text)


@pytest.mark.parametrize(
    "text", ["A" * 10**6 + "=", '"a": "' * 10**5, "a=" * 10**5, '\\"a\\": ' * 10**5, "a:" * 10**5 + "@"]
)
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    before = time.process_time()
    scrub(text)
    assert time.process_time() - before < 5


def test_what_is_sensitive_on_one_side_is_hidden_on_both() -> None:
    """The value of before the change that marked it as sensitive is as secret as the one of after."""
    for side, other in (("before", "after"), ("after", "before")):
        document = document_of("secrets-in-environment")
        for change in document["resource_changes"]:
            change["change"].pop(f"{other}_sensitive", None)
            if change["type"] == "aws_sagemaker_model":
                environment = change["change"]["after"]["primary_container"][0]["environment"]
                secrets = [
                    *environment.values(),
                    *change["change"]["before"]["primary_container"][0]["environment"].values(),
                ]
                mask = {"primary_container": [{"environment": dict.fromkeys(environment, True)}]}
                change["change"][f"{side}_sensitive"] = mask
        result = review_of(dev_endpoint=document)
        written = markdown.render(result) + text_format.render(result, width=200) + json_format.render(result)
        assert len(secrets) == 4
        assert [secret for secret in secrets if secret in written] == []
        assert SENSITIVE in written


def test_the_keys_of_a_sensitive_map_are_hidden() -> None:
    document = document_of("secrets-in-environment")
    for change in document["resource_changes"]:
        if change["type"] == "aws_sagemaker_model":
            change["change"]["after"]["primary_container"][0]["environment"] = {"Zq7hidden": "x"}
            change["change"]["after_sensitive"] = {"primary_container": [{"environment": True}]}
    assert "Zq7hidden" not in markdown.render(review_of(dev_endpoint=document))
