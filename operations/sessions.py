"""botocore sessions with the credentials that Terraform has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.config import Config

from stacks.aws_session import assumed
from stacks.settings_account import AssumeRole


def session_for(
    *,
    is_local: bool,
    variables: Mapping[str, str],
    region: str,
    role: Mapping[str, Any] | None = None,
    sts_url: str | None = None,
) -> tuple[botocore.session.Session, Config]:
    """A session, and what its clients' configuration begins with.

    Args:
        is_local: whether it is for a local AWS. Neither the machine's profile nor its proxy has anything to do with it.
        variables: Terraform's environment variables, which hold the local AWS's key.
        region: whose STS is asked for the role.
        role: the arguments of `assume_role` in the stack; None where it assumes none.
        sts_url: the local AWS's STS; None for AWS.
    """
    session, config = own_session(is_local, variables)
    assume = None if role is None else AssumeRole(**role)
    return assumed(session, assume, region=region, endpoint_url=sts_url, config=config), config


def own_session(is_local: bool, variables: Mapping[str, str]) -> tuple[botocore.session.Session, Config]:
    """A session with the machine's credentials, or with the local AWS's key; and what its clients' configuration is."""
    if not is_local:
        return botocore.session.Session(), Config()
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    if "AWS_ACCESS_KEY_ID" in variables:
        session.set_credentials(variables["AWS_ACCESS_KEY_ID"], variables.get("AWS_SECRET_ACCESS_KEY", ""))
    return session, Config(proxies={})
