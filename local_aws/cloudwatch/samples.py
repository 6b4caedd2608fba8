"""What metrics got, and when."""

from dataclasses import dataclass
from datetime import datetime

from .statistics import Distribution


@dataclass(frozen=True)
class Sample:
    """What a metric got in the moment `at`."""

    at: datetime
    values: Distribution


@dataclass(frozen=True)
class Recorded:
    """A sample, and the metric that got it."""

    namespace: str
    metric: str
    dimensions: dict[str, str]
    unit: str
    sample: Sample
