"""The identity of this project's own calls to AWS: the machine's, or the role that an environment's settings assume.

Terraform's provider and backend assume the role themselves. What runs beside them (the provisioners' programs, the
commands on states) makes its sessions here, so that one environment has one identity.
"""

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, DeferredRefreshableCredentials

from stacks.settings_account import AssumeRole

_VARIABLES = {
    "ASSUME_ROLE_ARN": "role_arn",
    "ASSUME_ROLE_EXTERNAL_ID": "external_id",
    "ASSUME_ROLE_SESSION_NAME": "session_name",
}
_METHOD = "assume-role-of-the-settings"


def assume_role_variables(role: AssumeRole) -> dict[str, str]:
    """The variables that give a provisioner's program the role; `role_of_variables` reads them."""
    values = role.model_dump(exclude_none=True)
    return {variable: values[name] for variable, name in _VARIABLES.items() if name in values}


def role_of_variables(environ: Mapping[str, str]) -> AssumeRole | None:
    """The role that the variables name; None where they name none."""
    if not environ.get("ASSUME_ROLE_ARN"):
        return None
    return AssumeRole(**{name: environ[variable] for variable, name in _VARIABLES.items() if environ.get(variable)})


def assumed(
    base: botocore.session.Session,
    role: AssumeRole | None,
    *,
    region: str,
    endpoint_url: str | None = None,
    config: Config | None = None,
) -> botocore.session.Session:
    """A session with the identity of `role`, which `base` assumes with the first call and again before it expires.

    Args:
        base: a session with the machine's credentials.
        role: the role; `base` is returned where it is None.
        region: whose STS is asked.
        endpoint_url: the local AWS's; None for AWS.
        config: of the calls to STS.
    """
    if role is None:
        return base
    request: dict[str, Any] = {"RoleArn": role.role_arn, "RoleSessionName": role.session_name}
    if role.external_id is not None:
        request["ExternalId"] = role.external_id

    def credentials() -> dict[str, str]:
        sts = base.create_client("sts", region_name=region, endpoint_url=endpoint_url, config=config)
        answer = sts.assume_role(**request)["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }

    session = botocore.session.Session()
    session.get_component("credential_provider").providers.insert(0, _Assumed(credentials))
    return session


class _Assumed(CredentialProvider):
    """Puts the role before every other source of credentials."""

    METHOD = _METHOD

    def __init__(self, refresh: Any) -> None:
        super().__init__()
        self._refresh = refresh

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(self._refresh, _METHOD)
