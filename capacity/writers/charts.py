"""What the plots and the page show: a few numbers, in the order in which they are drawn."""

from dataclasses import dataclass

from capacity.design import Design, Kind
from capacity.report import Report


@dataclass(frozen=True)
class Point:
    """A design in a chart of cost (a month) against latency (seconds) or hit ratio (0 to 1)."""

    label: str
    monthly: float
    p99: float
    hit_ratio: float
    is_best: bool
    reaches_goals: bool


def points(report: Report) -> list[Point]:
    """All designs that answered anything, but for one endpoint for each model, which costs too much to be drawn."""
    designs = [design for design in (*report.shared, *report.others) if design.kind is not Kind.SEPARATE]
    return [
        Point(
            design.label,
            design.monthly,
            design.measures.p99,
            design.measures.hit_ratio,
            design is report.recommendation.design,
            design.reaches_goals,
        )
        for design in designs
        if design.measures.p99 is not None
    ]


def growth(report: Report) -> list[tuple[float, Design]]:
    """The recommended design under multiples of the load."""
    return [(factor, design) for factor, design in report.growth.designs.items() if design.measures.p99 is not None]
