"""What an experiment found."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One row of the page.

    Attributes:
        experiment: what is done to the server.
        to_reach: what has to hold.
        reached: what was seen, in a sentence with its figures.
        complaints: what did not hold; empty when all did.
        figures: the raw figures.
    """

    experiment: str
    to_reach: str
    reached: str
    complaints: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)
