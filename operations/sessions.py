"""botocore sessions with the credentials that Terraform has."""

from __future__ import annotations

from collections.abc import Mapping

import botocore.session
from botocore.config import Config


def session_for(*, is_local: bool, variables: Mapping[str, str]) -> tuple[botocore.session.Session, Config]:
    """A session, and what its clients' configuration begins with.

    Args:
        is_local: whether it is for a local AWS. Neither the machine's profile nor its proxy has anything to do with it.
        variables: Terraform's environment variables, which hold the local AWS's key.
    """
    if not is_local:
        return botocore.session.Session(), Config()
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    if "AWS_ACCESS_KEY_ID" in variables:
        session.set_credentials(variables["AWS_ACCESS_KEY_ID"], variables.get("AWS_SECRET_ACCESS_KEY", ""))
    return session, Config(proxies={})
