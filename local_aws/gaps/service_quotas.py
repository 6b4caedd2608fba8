"""Service Quotas: the numbers of instances that an account may run behind endpoints, by their names.

moto knows no quotas of SageMaker. As in a new account, types with accelerators have 0. An increase is granted at once.
"""

import hashlib
from typing import Any

import botocore.session

from ..account import ACCOUNT_ID, REGION
from .errors import GapError

_SERVICE = "sagemaker"
_ACCELERATED = ("ml.g", "ml.inf", "ml.p", "ml.trn")
_DEFAULT_VALUE = 20.0
_PAGE = 100


class ServiceQuotaGaps:
    """ListServiceQuotas, ListAWSDefaultServiceQuotas and RequestServiceQuotaIncrease for SageMaker."""

    def __init__(self) -> None:
        self._granted: dict[str, float] = {}

    def list_service_quotas(self, request: dict[str, Any]) -> dict[str, Any]:
        """The quotas with the values that the account has."""
        return self._page(request, self._granted)

    def list_aws_default_service_quotas(self, request: dict[str, Any]) -> dict[str, Any]:
        """The quotas with the values of a new account."""
        return self._page(request, {})

    def request_service_quota_increase(self, request: dict[str, Any]) -> dict[str, Any]:
        """Grant what is asked for."""
        quota = next((item for item in _quotas({}) if item["QuotaCode"] == request["QuotaCode"]), None)
        if request["ServiceCode"] != _SERVICE or quota is None:
            raise _no_such_resource(request["QuotaCode"])
        self._granted[quota["QuotaCode"]] = float(request["DesiredValue"])
        shown = {name: quota[name] for name in ("ServiceCode", "QuotaCode", "QuotaName", "QuotaArn")}
        return {"RequestedQuota": {**shown, "DesiredValue": float(request["DesiredValue"]), "Status": "APPROVED"}}

    @staticmethod
    def _page(request: dict[str, Any], granted: dict[str, float]) -> dict[str, Any]:
        if request["ServiceCode"] != _SERVICE:
            raise _no_such_resource(request["ServiceCode"])
        quotas, first = _quotas(granted), int(request.get("NextToken", 0))
        last = first + min(int(request.get("MaxResults", _PAGE)), _PAGE)
        more = {"NextToken": str(last)} if last < len(quotas) else {}
        return {"Quotas": quotas[first:last], **more}


def _quotas(granted: dict[str, float]) -> list[dict[str, Any]]:
    model = botocore.session.get_session().get_service_model(_SERVICE)
    quotas = []
    for instance_type in sorted(model.shape_for("ProductionVariantInstanceType").enum):
        # Codes say nothing of what they stand for.
        code = f"L-{hashlib.sha256(instance_type.encode()).hexdigest()[:8].upper()}"
        default = 0.0 if instance_type.startswith(_ACCELERATED) else _DEFAULT_VALUE
        quotas.append(
            {
                "ServiceCode": _SERVICE,
                "ServiceName": "Amazon SageMaker",
                "QuotaArn": f"arn:aws:servicequotas:{REGION}:{ACCOUNT_ID}:{_SERVICE}/{code}",
                "QuotaCode": code,
                "QuotaName": f"{instance_type} for endpoint usage",
                "Value": granted.get(code, default),
                "Unit": "None",
                "Adjustable": True,
                "GlobalQuota": False,
            }
        )
    return quotas


def _no_such_resource(name: str) -> GapError:
    return GapError("NoSuchResourceException", f"The request failed because {name} does not exist.")
