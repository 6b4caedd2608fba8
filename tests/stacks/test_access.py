"""Whom the roles of continuous integration trust."""

import json
from typing import Any

import pytest

from stacks.errors import SettingsError
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import SMALL, changed

GITHUB = {"github": {"repository": "acme/models"}}
GITLAB = {"gitlab": {"project": "acme/platform/models", "branch": "production"}}


def _trust(stack: dict[str, Any], role: str) -> dict[str, Any]:
    (statement,) = json.loads(stack["resource"]["aws_iam_role"][role]["assume_role_policy"])["Statement"]
    return statement


def test_github_jobs_are_trusted_by_their_environment(synthesise):
    stack = synthesise({"dev": changed(SMALL, access=GITHUB)})["dev-access"]
    host = "token.actions.githubusercontent.com"
    for role, place in (("plan_role", "dev-plan"), ("deploy_role", "dev")):
        statement = _trust(stack, role)
        assert statement["Principal"] == {"Federated": f"arn:aws:iam::111111111111:oidc-provider/{host}"}
        assert statement["Condition"] == {
            "StringEquals": {
                f"{host}:aud": "sts.amazonaws.com",
                f"{host}:sub": f"repo:acme/models:environment:{place}",
            }
        }
    assert stack["resource"]["aws_iam_openid_connect_provider"]["identity_provider"]["url"] == f"https://{host}"


def test_gitlab_deploys_from_one_branch_and_plans_from_any(synthesise):
    stack = synthesise({"dev": changed(SMALL, access=GITLAB)})["dev-access"]
    subject = "project_path:acme/platform/models:ref_type:branch:ref:"
    assert _trust(stack, "deploy_role")["Condition"]["StringEquals"] == {
        "gitlab.com:aud": "https://gitlab.com",
        "gitlab.com:sub": f"{subject}production",
    }
    assert _trust(stack, "plan_role")["Condition"]["StringLike"] == {"gitlab.com:sub": f"{subject}*"}


def test_an_identity_provider_of_the_account_and_a_boundary_are_used(synthesise):
    provider = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    access = {**GITHUB, "identity_provider_arn": provider}
    settings = changed(SMALL, access=access, permissions_boundary_arn=boundary)
    stack = synthesise({"dev": settings})["dev-access"]
    assert "aws_iam_openid_connect_provider" not in stack["resource"]
    assert _trust(stack, "plan_role")["Principal"] == {"Federated": provider}
    assert {role["permissions_boundary"] for role in stack["resource"]["aws_iam_role"].values()} == {boundary}


def test_neither_server_or_both_is_refused():
    for access in ({}, {**GITHUB, **GITLAB}):
        with pytest.raises(SettingsError, match="access: must have either github or gitlab"):
            parse_settings({"environments": {"dev": changed(SMALL, access=access)}}, {})
