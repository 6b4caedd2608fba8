"""Plots as a PNG file, with matplotlib, which is one of the development packages."""

from pathlib import Path

from capacity.errors import CapacityError
from capacity.report import Report
from capacity.writers.charts import growth, points


def write(report: Report, path: Path) -> None:
    """Cost against p99 and against hit ratio, and p99 under more load.

    Raises:
        CapacityError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        import matplotlib  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CapacityError(
            f"{path}: plots need matplotlib, which is not installed. Install the development packages (`make setup`), "
            "or write the page, which needs nothing (--html FILE)."
        ) from error
    matplotlib.use("agg")
    from matplotlib import pyplot  # noqa: PLC0415 - after the choice of the backend

    figure, (latency, hits, load) = pyplot.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    for axes, values in (
        (latency, [(point, point.p99 * 1000) for point in points(report)]),
        (hits, [(point, point.hit_ratio * 100) for point in points(report)]),
    ):
        for point, value in values:
            color = "tab:green" if point.is_best else "tab:blue" if point.reaches_goals else "tab:gray"
            axes.scatter(point.monthly, value, color=color, marker="*" if point.is_best else "o", s=60)
            if point.is_best:
                axes.annotate(
                    point.label, (point.monthly, value), fontsize=8, xytext=(4, 6), textcoords="offset points"
                )
        axes.set_xlabel(f"{report.currency} a month")
        axes.grid(alpha=0.3)
    goals = report.conditions.goals
    latency.axhline(goals.p99_seconds * 1000, linestyle="--", color="tab:red", label="goal")
    latency.set(title="Cost and latency", ylabel="p99 (ms)", yscale="log")
    hits.axhline(goals.hit_ratio * 100, linestyle="--", color="tab:red", label="goal")
    hits.set(title="Cost and hit ratio", ylabel="hit ratio (%)")
    line = growth(report)
    load.plot([factor for factor, _ in line], [1000 * (design.measures.p99 or 0) for _, design in line], marker="o")
    load.axhline(goals.p99_seconds * 1000, linestyle="--", color="tab:red", label="goal")
    load.set(title=f"{report.recommendation.design.label} under more load", ylabel="p99 (ms)", yscale="log")
    load.set_xlabel("multiple of the trace's load")
    load.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise CapacityError(f"{path}: cannot be written: {error}.") from error
    finally:
        pyplot.close(figure)
