"""What never reaches a format."""

from __future__ import annotations

import pytest

from plan_review.redaction import REDACTED, SENSITIVE, UNKNOWN_TEXT, scrub, shown, shown_value
from plan_review.values import UNKNOWN, Values

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
