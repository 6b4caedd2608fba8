"""A plan on the terminal."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from capacity.design import Design
from capacity.fleet import MIB
from capacity.report import Report


def show(report: Report, console: Console) -> None:
    """Print the workload, every design, the recommendation with its reasons, and what was assumed."""
    work, goals = report.workload, report.conditions.goals
    console.print(
        f"{work.invocations:,} invocations of {work.models:,} models in {duration(work.span_seconds)}: "
        f"{work.rate:.3g}/s, {work.peak_rate:.3g}/s in the busiest minute. "
        f"All models in memory: {work.all_models_bytes / MIB / 1024:,.1f} GiB.",
        highlight=False,
    )
    console.print(
        f"Goals: p99 {goals.p99_seconds:g} s, hit ratio {goals.hit_ratio:.2%}, failures {goals.failed:.2%}, "
        f"workers busy {goals.utilisation:.0%}.",
        highlight=False,
    )
    console.print(_table(report))
    for design in (*report.shared, *report.others):
        if design.shortfalls:
            console.print(f"x {design.label}: {'; '.join(design.shortfalls)}", style="dim", highlight=False)
    for sentence in report.recommendation.reasons:
        console.print(f"- {sentence}", highlight=False, markup=False, soft_wrap=True)
    settings = report.settings
    console.print(
        f"\nSettings: {settings.initial_instance_count} to {settings.maximum_instance_count} x "
        f"{settings.instance_type}, {settings.target_invocations_per_instance_per_minute:,} invocations an instance "
        "and minute. `python -m capacity apply PLAN.json ENVIRONMENT` writes them into cdktf.json.",
        highlight=False,
        soft_wrap=True,
    )
    for assumption in (*report.assumptions, report.prices):
        console.print(f"Assumed: {assumption}", style="dim", highlight=False, markup=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """`2.5 h`, `36 s`, `7 days`."""
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit or (unit < 86_400 and seconds >= unit):
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{round(value * 1000):,}"


def _table(report: Report) -> Table:
    caption = (
        f"{report.currency} a month, hit ratio and busy workers in %, latency in ms. *: recommended. x: misses goals."
    )
    table = Table(
        title="Designs", title_justify="left", caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=0
    )
    table.add_column("design", no_wrap=True)
    for name in (report.currency, "hit", "p50", "p95", "p99", "cold", "busy"):
        table.add_column(name, justify="right", no_wrap=True)
    best = report.recommendation.design
    _add_rows(table, report.shared, best)
    table.add_section()
    _add_rows(table, report.others, best)
    return table


def _add_rows(table: Table, designs: Iterable[Design], best: Design) -> None:
    for design in designs:
        m = design.measures
        table.add_row(
            f"{'*' if design is best else ' ' if design.reaches_goals else 'x'} {design.label}",
            f"{design.monthly:,.0f}",
            f"{m.hit_ratio * 100:.2f}",
            *(milliseconds(value) for value in (m.p50, m.p95, m.p99, m.cold_p50)),
            f"{m.utilisation * 100:.0f}",
            style="bold green" if design is best else None if design.reaches_goals else "dim",
        )
