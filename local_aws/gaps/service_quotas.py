"""Service Quotas: the numbers of instances that an account may run behind endpoints, by their names.

moto knows no quotas of SageMaker.
"""

import hashlib
from typing import Any

from ..account import ACCOUNT_ID, REGION
from ..quotas import ALL_TYPES, Quotas, default_quota, quota_kinds, quota_name
from .errors import GapError

_SERVICE = "sagemaker"
_PAGE = 100


class ServiceQuotaGaps:
    """ListServiceQuotas, ListAWSDefaultServiceQuotas and RequestServiceQuotaIncrease for SageMaker."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    def list_service_quotas(self, request: dict[str, Any]) -> dict[str, Any]:
        """The quotas with the values that the account has."""
        return _page(request, [_quota(name, self._quotas.value(name)) for name in quota_kinds()])

    def list_aws_default_service_quotas(self, request: dict[str, Any]) -> dict[str, Any]:
        """The quotas with the values of a new account."""
        return _page(request, [_quota(name, default_quota(name)) for name in quota_kinds()])

    def request_service_quota_increase(self, request: dict[str, Any]) -> dict[str, Any]:
        """Grant what is asked for."""
        name = next((name for name in quota_kinds() if _code(name) == request["QuotaCode"]), None)
        if request["ServiceCode"] != _SERVICE or name is None:
            raise _no_such_resource(request["QuotaCode"])
        wanted = request["DesiredValue"]
        self._quotas.grant(name, int(wanted))
        quota = _quota(name, wanted)
        shown = {member: quota[member] for member in ("ServiceCode", "QuotaCode", "QuotaName", "QuotaArn")}
        return {"RequestedQuota": {**shown, "DesiredValue": float(wanted), "Status": "APPROVED"}}


def _page(request: dict[str, Any], quotas: list[dict[str, Any]]) -> dict[str, Any]:
    if request["ServiceCode"] != _SERVICE:
        raise _no_such_resource(request["ServiceCode"])
    first = int(request.get("NextToken", 0))
    last = first + min(int(request.get("MaxResults", _PAGE)), _PAGE)
    more = {"NextToken": str(last)} if last < len(quotas) else {}
    return {"Quotas": quotas[first:last], **more}


def _code(kind: str) -> str:
    """AWS's own for all types; for each type another than AWS's, which says nothing of what it stands for either."""
    return "L-7A3DF611" if kind == ALL_TYPES else f"L-{hashlib.sha256(kind.encode()).hexdigest()[:8].upper()}"


def _quota(kind: str, value: float) -> dict[str, Any]:
    code = _code(kind)
    return {
        "ServiceCode": _SERVICE,
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": f"arn:aws:servicequotas:{REGION}:{ACCOUNT_ID}:{_SERVICE}/{code}",
        "QuotaCode": code,
        "QuotaName": quota_name(kind),
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _no_such_resource(name: str) -> GapError:
    return GapError("NoSuchResourceException", f"The request failed because {name} does not exist.")
