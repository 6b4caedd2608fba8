"""The account's quotas of instances behind endpoints: what Service Quotas says, and what CreateEndpoint keeps to.

They hold only where the start was given a quota (`--quota ml.m5.xlarge=2`): that rehearses a new account.
"""

import threading
from collections.abc import Mapping
from functools import cache

import botocore.session

ALL_TYPES = "total"
"""In place of an instance type: the quota of all instances together."""

_ACCELERATED = ("ml.g", "ml.inf", "ml.p", "ml.trn")
_DEFAULT_VALUE = 20


@cache
def quota_kinds() -> tuple[str, ...]:
    """What has a quota: every type that a production variant can have, and ALL_TYPES."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return (ALL_TYPES, *sorted(model.shape_for("ProductionVariantInstanceType").enum))


def default_quota(kind: str) -> int:
    """As in a new account, types with accelerators have 0."""
    return 0 if kind.startswith(_ACCELERATED) else _DEFAULT_VALUE


def quota_name(kind: str) -> str:
    """As Service Quotas has it, which knows no quota of the number of endpoints or of configurations."""
    return "Number of instances across active endpoints" if kind == ALL_TYPES else f"{kind} for endpoint usage"


class Quotas:
    """How many instances of each type, and of ALL_TYPES, the account may have. An increase is granted at once.

    `given`: the account's quotas at the start, where they are not the defaults.
    """

    def __init__(self, given: Mapping[str, int] | None = None) -> None:
        self.hold = bool(given)
        self._given = dict(given or {})
        self._values = dict(self._given)
        self._lock = threading.Lock()

    def value(self, kind: str) -> int:
        with self._lock:
            return self._values.get(kind, default_quota(kind))

    def grant(self, kind: str, value: int) -> None:
        with self._lock:
            self._values[kind] = value

    def saved(self) -> dict[str, int]:
        """The increases since the start, by instance type."""
        with self._lock:
            return {name: value for name, value in self._values.items() if self._given.get(name) != value}

    def restore(self, saved: dict[str, int]) -> None:
        """Grant what `saved` gave."""
        for instance_type, value in saved.items():
            self.grant(instance_type, value)

    def reset(self) -> None:
        """Back to the quotas of the start."""
        with self._lock:
            self._values = dict(self._given)
