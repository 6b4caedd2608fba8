"""What a part of the run gives to the results."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from .targets import Value


@dataclass(frozen=True)
class Outcome:
    """A part's results.

    Attributes:
        numbers: flat, by the names that targets and the page use. No two parts share a name.
        raw: samples, or histograms where they are many; JSON.
        pictures: by file name.
    """

    numbers: Mapping[str, Value]
    raw: object
    pictures: Mapping[str, Figure] = field(default_factory=dict)

    def rounded(self) -> dict[str, Value]:
        """The numbers, with six digits."""
        return {
            name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in self.numbers.items()
        }
