"""STS: a role must be there to be assumed, and the external id must be the one that it asks for.

moto assumes any role of any account.
"""

import json
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError
from moto.sts.models import STSBackend

_assume_role = STSBackend.assume_role


def fill_sts_gaps() -> None:
    """Make moto's STS behave as said above. Safe to repeat."""
    STSBackend.assume_role = _assume_role_that_exists


class _AccessDenied(STSClientError):
    code = "AccessDenied"
    status_code = 403

    def __init__(self, role_arn: str) -> None:
        super().__init__("AccessDenied", f"User is not authorized to perform: sts:AssumeRole on resource: {role_arn}")


def _assume_role_that_exists(backend: STSBackend, *, role_arn: str, external_id: str | None, **request: Any) -> Any:
    _, partition, _, _, account, name = role_arn.split(":", 5)
    roles = iam_backends[account][partition].roles.values()
    role = next((role for role in roles if role.arn == role_arn and name.startswith("role/")), None)
    if role is None or not _external_id_fits(role.assume_role_policy_document, external_id):
        raise _AccessDenied(role_arn)
    return _assume_role(backend, role_arn=role_arn, external_id=external_id, **request)  # type: ignore[arg-type]


def _external_id_fits(document: str, external_id: str | None) -> bool:
    statements = json.loads(unquote(document))["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        wanted = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
        if wanted is None or external_id in (wanted if isinstance(wanted, list) else [wanted]):
            return True
    return False
