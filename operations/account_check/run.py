"""The wiring: every check in order, whatever the one before it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from operations.account_check.account import Account, code_of, is_denied, right_of
from operations.account_check.capacity import check_quota, check_scaling_role
from operations.account_check.finding import Finding
from operations.account_check.identities import check_boundary, check_execution_role, check_key
from operations.account_check.identity import check_identity, check_region
from operations.account_check.network import check_routes, check_security_groups, check_subnets
from operations.account_check.storage import bucket_checks, check_repository

_Check = Callable[[Account], Iterator[Finding]]
_CHECKS: tuple[tuple[str, _Check], ...] = (
    ("region", check_region),
    ("quota", check_quota),
    ("scaling role", check_scaling_role),
    ("repository", check_repository),
    ("key", check_key),
    ("execution role", check_execution_role),
    ("boundary", check_boundary),
    ("subnets", check_subnets),
    ("route to S3", check_routes),
    ("security groups", check_security_groups),
)


def check_account(account: Account) -> list[Finding]:
    """What every check found. What AWS does not answer becomes a finding, too; nothing is raised.

    With no credentials, or those of another account, the other checks are left out: they would look at something else.
    """
    findings = [*_findings("credentials", check_identity(account))]
    if any(finding.check in ("credentials", "account") and finding.status != "ok" for finding in findings):
        names = ", ".join(("buckets", *(name for name, _ in _CHECKS)))
        return [*findings, Finding("others", "unknown", f"not looked at without credentials of the account: {names}")]
    for name, found in (*((name, check(account)) for name, check in _CHECKS), *bucket_checks(account)):
        findings += _findings(name, found)
    return findings


def _findings(name: str, found: Iterator[Finding]) -> Sequence[Finding]:
    findings: list[Finding] = []
    try:
        findings.extend(found)
    except ClientError as error:
        findings.append(_unanswered(name, error))
    except BotoCoreError as error:
        findings.append(Finding(name, "unknown", f"AWS could not be asked: {str(error).rstrip('.')}"))
    return findings


def _unanswered(name: str, error: ClientError) -> Finding:
    if is_denied(error):
        return Finding(name, "unknown", f"looking at it needs the right {right_of(error)}")
    message = error.response.get("Error", {}).get("Message", "").rstrip(".")
    return Finding(name, "unknown", f"{error.operation_name} failed: {code_of(error)}: {message}")
