"""The review for a terminal."""

from __future__ import annotations

import io
import shutil

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from plan_review.findings import Severity, Verdict
from plan_review.formats import words
from plan_review.plan import Action
from plan_review.review import Review, StackReview

_STYLES = {Severity.NOTE: "green", Severity.APPROVAL: "yellow", Severity.BLOCKED: "bold red"}
_MOST_MODELS = 40


def render(review: Review, color: bool = False, width: int | None = None) -> str:
    """The review as lines of at most `width` columns (the terminal's by default), with colours when asked for."""
    console = Console(
        file=io.StringIO(),
        width=width or max(60, shutil.get_terminal_size((100, 24)).columns),
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    _head(console, review)
    _gate(console, review)
    for severity in (Severity.BLOCKED, Severity.APPROVAL, Severity.NOTE):
        _findings(console, review, severity)
    for stack in review.stacks:
        _endpoints(console, stack)
        _models(console, stack)
    _costs(console, review)
    for stack in review.stacks:
        _details(console, stack)
    for remark in review.remarks:
        console.print(Text(f"Note: {remark}"))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]


def _head(console: Console, review: Review) -> None:
    style = _STYLES[review.decision]
    console.print(Text(f"Plan review: {review.verdict.label} ({words.DECISIONS[review.decision]})", style=style))
    console.print(Text(f"{words.meaning(review.verdict).capitalize()}."))
    table = _table("Stack", "Verdict", "Asks for", "Add", "Change", "Replace", "Destroy")
    for column in table.columns[3:]:
        column.justify = "right"
    for stack in review.stacks:
        counts = stack.counts
        cells = [
            Text(stack.name),
            Text(stack.verdict.label),
            Text(words.DECISIONS[stack.decision], _STYLES[stack.decision]),
        ]
        cells += [Text(str(counts[name])) for name in ("added", "changed", "replaced")]
        table.add_row(*cells, Text(words.destroyed(stack)))
    console.print(table)


def _gate(console: Console, review: Review) -> None:
    if review.gate_changes:
        _heading(console, words.GATE_HEADING.upper(), _STYLES[Severity.APPROVAL])
        for name in review.gate_changes:
            console.print(Padding(Text(f"- {name}"), (0, 0, 0, 2)))
        console.print(Padding(Text(words.GATE_EXPLANATION), (0, 0, 0, 4)))


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _heading(console: Console, text: str, style: str = "bold") -> None:
    console.print()
    console.print(Text(text, style=style))


def _findings(console: Console, review: Review, severity: Severity) -> None:
    found = [item for item in review.findings if item.severity is severity]
    if not found:
        return
    _heading(console, words.HEADINGS[severity].upper(), _STYLES[severity])
    for rule_id in dict.fromkeys(item.rule.id for item in found):
        group = [item for item in found if item.rule.id == rule_id]
        rule = group[0].rule
        console.print(Text(f"{rule.title} [{rule.id}]", style="bold"))
        for item in group:
            accepted = f" (accepted: {item.accepted})" if item.accepted is not None else ""
            console.print(Padding(Text(f"- {item.stack} {item.address}: {item.message}{accepted}"), (0, 0, 0, 2)))
        if severity is not Severity.NOTE:
            console.print(Padding(Text(f"Why: {rule.explanation}"), (0, 0, 0, 4)))
            console.print(Padding(Text(f"Do:  {rule.advice}"), (0, 0, 0, 4)))


def _endpoints(console: Console, stack: StackReview) -> None:
    for endpoint in stack.endpoints:
        action = endpoint.change.action
        _heading(console, f"Endpoint {endpoint.name}: {action.value if action.changes else 'scaling changes'}")
        if not endpoint.change.after.exists:
            continue
        if endpoint.differences:
            table = _table("Setting", "Now", "After")
            for item in endpoint.differences:
                if not item.only_unknown:
                    table.add_row(Text(item.what), Text(item.before), Text(item.after))
            console.print(table)
            _still_unknown(console, words.still_unknown(endpoint.differences), indented=False)
        if endpoint.updates:
            console.print(Text(f"Capacity: {endpoint.capacity}"))
            console.print(Text(f"Traffic: {endpoint.traffic}"))
            console.print(Text(f"Rolled back by: {endpoint.rollback}"))
            if stack.cold is not None:
                console.print(Text(f"Cold start: {stack.cold.text}"))


def _models(console: Console, stack: StackReview) -> None:
    if not stack.models:
        return
    _heading(console, f"Models: {words.model_summary(stack)}")
    table = _table("Model", "What", "Version", "Size", "sha256")
    models = words.ordered_models(stack)
    for item in models[:_MOST_MODELS]:
        table.add_row(
            Text(item.artifact.name),
            Text(item.action.value),
            Text(words.version(item)),
            Text(words.size(item.artifact.size_bytes)),
            Text(words.digest(item.artifact.sha256)),
        )
    console.print(table)
    if len(models) > _MOST_MODELS:
        console.print(Text(f"... and {len(models) - _MOST_MODELS:,} more; --format json lists every one"))


def _costs(console: Console, review: Review) -> None:
    costs = tuple(cost for stack in review.stacks for cost in stack.costs)
    if not costs:
        return
    currency = review.prices.currency
    _heading(console, "Cost a month")
    table = _table("Endpoint", "Now", "After", "Difference")
    for cost in costs:
        table.add_row(
            Text(cost.endpoint),
            Text(f"{cost.instances_before}: {words.money(cost.before, currency)}"),
            Text(f"{cost.instances_after}: {words.money(cost.after, currency)}"),
            Text(words.signed_money(cost.difference, currency)),
        )
    console.print(table)
    console.print(Text(words.price_note(review.prices, costs), style="dim"))


def _details(console: Console, stack: StackReview) -> None:
    if not stack.details or stack.verdict is Verdict.NO_CHANGE:
        return
    _heading(console, f"Changes of {stack.name}")
    for detail in stack.details:
        remark = f" ({detail.remark})" if detail.remark else ""
        console.print(Text(f"{detail.address} is {detail.action.value}{remark}"))
        for item in detail.differences:
            if not item.only_unknown:
                now = "" if detail.action is Action.CREATE else f"{item.before} -> "
                console.print(Padding(Text(f"{item.what}: {now}{item.after}"), (0, 0, 0, 2)))
        _still_unknown(console, words.still_unknown(detail.differences), indented=True)


def _still_unknown(console: Console, settings: str, indented: bool) -> None:
    if settings:
        console.print(Padding(Text(f"unknown until the apply: {settings}"), (0, 0, 0, 2 if indented else 0)))
