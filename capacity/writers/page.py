"""A plan as one HTML file that needs no other: tables, and charts in SVG, in light and dark."""

from collections.abc import Iterable
from html import escape

from capacity.design import Design
from capacity.report import Report
from capacity.writers.charts import Point, growth, points
from capacity.writers.svg import Axes, Mark, chart
from capacity.writers.table import duration, milliseconds

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --back: #fff; --dim: #6a737d; --grid: #e4e7eb; --good: #0b62c4;
  --best: #0d7a34; --bad: #9aa2ab; --goal: #c02a2a; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --back: #14171b; --dim: #9aa2ab; --grid: #2b3138;
  --good: #6cb0ff; --best: #4fd17b; --bad: #68717b; --goal: #ff7b72; } }
body { color: var(--text); background: var(--back); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 80rem; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--grid); text-align: right; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
tr.best { color: var(--best); font-weight: 600; } tr.bad, .dim { color: var(--dim); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1rem; }
svg text { fill: var(--text); font-size: 11px; } svg text.name { font-size: 12px; } svg text.goal { fill: var(--goal); }
svg .grid { stroke: var(--grid); } svg line.goal { stroke: var(--goal); stroke-dasharray: 5 4; }
svg .line { fill: none; stroke: var(--good); stroke-width: 2; }
svg .best { fill: var(--best); } svg .good { fill: var(--good); } svg .bad { fill: var(--bad); }
"""
_HEADINGS = ("design", "a month", "hit %", "p50 ms", "p95 ms", "p99 ms", "cold p50 ms", "wait ms", "busy %", "misses")


def render(report: Report) -> str:
    work, goals = report.workload, report.conditions.goals
    facts = (
        f"{work.invocations:,} invocations of {work.models:,} models in {duration(work.span_seconds)}: "
        f"{work.rate:.3g} a second, {work.peak_rate:.3g} in the busiest minute. Goals: p99 {goals.p99_seconds:g} s, "
        f"hit ratio {goals.hit_ratio:.2%}, failures {goals.failed:.2%}, workers busy {goals.utilisation:.0%}."
    )
    best = report.recommendation.design
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Capacity plan</title><style>{_STYLE}</style></head><body>",
            f"<h1>Capacity plan: {escape(best.label)}</h1><p>{escape(facts)}</p>",
            _list(report.recommendation.reasons),
            f'<div class="charts">{_charts(report)}</div>',
            f"<h2>Designs</h2>{_table((*report.shared, *report.others), best, report.currency)}",
            f"<h2>More load</h2>{_growth_table(report)}",
            f'<h2>Assumptions</h2><div class="dim">{_list((*report.assumptions, report.prices))}</div>',
            "</body></html>\n",
        )
    )


def _charts(report: Report) -> str:
    goals, cost = report.conditions.goals, f"{report.currency} a month"
    found = points(report)
    latency = [Mark(point.monthly, point.p99 * 1000, point.label, _kind(point)) for point in found]
    hits = [Mark(point.monthly, point.hit_ratio * 100, point.label, _kind(point)) for point in found]
    load = [
        Mark(factor, 1000 * (design.measures.p99 or 0), f"{factor:g} x", "good" if design.reaches_goals else "bad")
        for factor, design in growth(report)
    ]
    return "".join(
        (
            chart("Cost and latency", latency, Axes(cost, "p99 in ms", goals.p99_seconds * 1000, logarithmic=True)),
            chart("Cost and hit ratio", hits, Axes(cost, "hit ratio in %", goals.hit_ratio * 100)),
            chart(
                "The recommended design under more load",
                load,
                Axes("multiple of the load", "p99 in ms", goals.p99_seconds * 1000, logarithmic=True),
                joined=True,
            ),
        )
    )


def _kind(point: Point) -> str:
    return "best" if point.is_best else "good" if point.reaches_goals else "bad"


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _table(designs: Iterable[Design], best: Design | None, currency: str) -> str:
    heads = "".join(f"<th>{currency + ' ' if name == 'a month' else ''}{name}</th>" for name in _HEADINGS)
    rows = []
    for design in designs:
        kind = "best" if design is best else "good" if design.reaches_goals else "bad"
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in _cells(design.label, design))
        rows.append(f'<tr class="{kind}">{cells}</tr>')
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _growth_table(report: Report) -> str:
    heads = "".join(f"<th>{name}</th>" for name in ("load", *_HEADINGS[1:]))
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(f'{factor:g} times', design))}</tr>"
        for factor, design in report.growth.designs.items()
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(first: str, design: Design) -> tuple[str, ...]:
    m = design.measures
    return (
        first,
        f"{design.monthly:,.0f}",
        f"{m.hit_ratio * 100:.2f}",
        *(milliseconds(value) for value in (m.p50, m.p95, m.p99, m.cold_p50, m.mean_wait)),
        f"{m.utilisation * 100:.0f}",
        "; ".join(design.shortfalls),
    )
