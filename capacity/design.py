"""A way to serve the models, with what it costs and what it gives."""

from dataclasses import dataclass
from enum import StrEnum

from capacity.measures import Measures


class Kind(StrEnum):
    """How the models are spread over endpoints."""

    SHARED = "one endpoint for all models"
    SHARDS = "shards"
    SEPARATE = "one endpoint for each model"


@dataclass(frozen=True)
class Design:
    """One way.

    Attributes:
        instance_type: of all endpoints; for SEPARATE that of most.
        endpoints: how many.
        instances: of all endpoints together.
        monthly: the instances' list price for a month.
        shortfalls: the goals that it misses, in words.
    """

    kind: Kind
    instance_type: str
    endpoints: int
    instances: int
    monthly: float
    measures: Measures
    shortfalls: tuple[str, ...] = ()

    @property
    def reaches_goals(self) -> bool:
        return not self.shortfalls

    @property
    def label(self) -> str:
        """`3 x ml.m5.large`, and how many endpoints if there are several."""
        label = f"{self.instances:,} x {self.instance_type}"
        return label if self.endpoints == 1 else f"{label}, {self.endpoints:,} endpoints"
