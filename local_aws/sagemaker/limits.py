"""ResourceLimitExceeded: more instances than the account's quotas allow."""

from collections import Counter
from collections.abc import Iterable

from ..quotas import ALL_TYPES, Quotas, quota_name
from .errors import LimitExceededError
from .fleet import Fleet
from .records import Endpoint
from .traffic import Traffic


def instances_of(endpoint: Endpoint, traffic: Traffic | None) -> Counter[str]:
    """How many instances of each type an endpoint has, or is about to have: both fleets of an update count."""
    found: Counter[str] = Counter()
    if traffic is not None:
        found += _of_fleet(traffic.serving)
        if traffic.arriving is not None:
            return found + _of_fleet(traffic.arriving)
    if endpoint.arriving is not None:
        for variant in endpoint.arriving.variants:
            found[variant["InstanceType"]] += variant["InitialInstanceCount"]
    return found


def check_quotas(quotas: Quotas, used: Iterable[Counter[str]], more: Counter[str]) -> None:
    """`more`: what a request adds. Raises LimitExceededError."""
    if not quotas.hold:
        return
    now = sum(used, Counter[str]())
    now[ALL_TYPES] = now.total()
    for kind, delta in [*more.items(), (ALL_TYPES, more.total())]:
        limit = quotas.value(kind)
        if delta > 0 and now[kind] + delta > limit:
            raise LimitExceededError(
                f"The account-level service limit '{quota_name(kind)}' is {limit} Instances, with current "
                f"utilization of {now[kind]} Instances and a request delta of {delta} Instances. Please use "
                "AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, "
                "contact AWS support to request an increase for this quota."
            )


def _of_fleet(fleet: Fleet) -> Counter[str]:
    found: Counter[str] = Counter()
    for variant in fleet.variants.values():
        found[variant.plan.instance_type] += max(len(variant.hosts), variant.desired_count)
    return found
