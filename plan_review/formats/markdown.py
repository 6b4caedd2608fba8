"""The comment on a pull request: destructive first, details folded, never longer than the forge takes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plan_review.findings import Finding, Severity, Verdict
from plan_review.formats import words
from plan_review.plan import Action
from plan_review.review import ChangeDetail, Review, StackReview

LIMIT = 65_536
"""GitHub's limit of one comment, in characters. It is kept in bytes of UTF-8, which are never fewer."""

_MARKS = {
    Verdict.NO_CHANGE: "⚪",
    Verdict.MODELS_ONLY: "🟢",
    Verdict.OTHER: "🟡",
    Verdict.IN_PLACE: "🟠",
    Verdict.OUTAGE: "🔴",
}
_FULL_DIGEST = 64


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that belong together. `items` may be cut after any of them; head and tail then still close what they "
    "open."""

    head: tuple[str, ...]
    items: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()


def marker(review: Review) -> str:
    """The hidden first line by which a workflow finds its earlier comment, so that it is updated and not repeated."""
    return f"<!-- plan-review:{_comment_safe(review.environment)} -->"


def render(review: Review, whole_at: str | None = None, limit: int = LIMIT) -> str:
    """The review as GitHub-flavoured Markdown of fewer than `limit` bytes.

    What does not fit is cut with a notice that names `whole_at`, or the command that shows everything.
    """
    place = _code(words.how_to_see_all(review)) if whole_at is None else _address(whole_at)
    notice = (
        "\n> [!WARNING]\n> **Cut here: {count} more lines do not fit.** The whole review: "
        + place.replace("{", "{{").replace("}", "}}")
        + "\n"
    )
    budget = limit - 1 - len(notice.format(count=10**9).encode())
    written: list[str] = []
    left_out = 0
    for block in _blocks(review):
        fixed = _length(block.head) + _length(block.tail)
        if left_out or fixed > budget:
            left_out += len(block.head) + len(block.items)
            continue
        budget -= fixed
        fitting: list[str] = []
        for item in block.items:
            length = _length((item,))
            if left_out or length > budget:
                left_out += 1
                continue
            budget -= length
            fitting.append(item)
        written += [*block.head, *fitting, *block.tail]
    text = "\n".join(written) + "\n"
    return text + notice.format(count=f"{left_out:,}") if left_out else text


def _length(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _blocks(review: Review) -> Iterator[_Block]:
    yield _Block(
        (
            marker(review),
            f"## {_MARKS[review.verdict]} Plan review: {review.verdict.label} ({words.DECISIONS[review.decision]})",
            "",
            f"{words.meaning(review.verdict).capitalize()}.",
            "",
        )
    )
    yield _Block(
        (
            "| Stack | Verdict | Asks for | Add | Change | Replace | Destroy |",
            "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        ),
        tuple(_stack_row(stack) for stack in review.stacks),
        ("",),
    )
    if review.gate_changes:
        lines = tuple(f"- {_code(name)}" for name in review.gate_changes)
        yield _Block((f"### {words.GATE_HEADING}", ""), lines, ("", words.GATE_EXPLANATION, ""))
    for severity in (Severity.BLOCKED, Severity.APPROVAL):
        yield from _findings(review, severity)
    for stack in review.stacks:
        yield from _endpoints(stack)
    for stack in review.stacks:
        yield from _models(stack)
    yield from _costs(review)
    yield from _folded(review)
    for stack in review.stacks:
        yield from _details(stack)
    yield _Block(
        (
            "<sub>Safe: merge as usual. Needs approval: somebody who knows the endpoint agrees. Blocked: change the "
            "plan, or accept the finding with a reason and an end date. What Terraform marks as sensitive is hidden on "
            "both sides; what is named or looks like a secret is redacted.</sub>",
        )
    )


def _stack_row(stack: StackReview) -> str:
    counts = stack.counts
    cells = (
        _cell(stack.name),
        f"{_MARKS[stack.verdict]} {stack.verdict.label}",
        words.DECISIONS[stack.decision],
        str(counts["added"]),
        str(counts["changed"]),
        str(counts["replaced"]),
        words.destroyed(stack),
    )
    return f"| {' | '.join(cells)} |"


def _findings(review: Review, severity: Severity) -> Iterator[_Block]:
    found = [item for item in review.findings if item.severity is severity and item.accepted is None]
    if not found:
        return
    yield _Block((f"### {words.HEADINGS[severity]}", ""))
    for rule_id in dict.fromkeys(item.rule.id for item in found):
        group = [item for item in found if item.rule.id == rule_id]
        rule = group[0].rule
        sources = ", ".join(f"[{number}]({link})" for number, link in enumerate(rule.source.split(), start=1))
        yield _Block(
            (f"**{rule.title}** (`{rule.id}`)",),
            tuple(f"- {_code(item.address)} in {_code(item.stack)}: {_line(item.message)}" for item in group),
            ("", f"{rule.explanation} **What to do:** {rule.advice} Source: {sources}", ""),
        )


def _endpoints(stack: StackReview) -> Iterator[_Block]:
    for endpoint in stack.endpoints:
        rows = [
            f"| {_line(item.what)} | {_cell(item.before)} | {_cell(item.after)} |"
            for item in endpoint.differences
            if not item.only_unknown
        ]
        unknown = words.still_unknown(endpoint.differences)
        action = endpoint.change.action
        title = f"### Endpoint {_code(endpoint.name)}: {action.value if action.changes else 'scaling changes'}"
        if not endpoint.change.after.exists:
            yield _Block((title, ""))
            continue
        table = ("| Setting | Now | After |", "| --- | --- | --- |") if rows else ()
        yield _Block((title, "", *table), tuple(rows), ("",) if rows else ())
        if unknown:
            yield _Block((f"Unknown until the apply: {_line(unknown)}.", ""))
        if endpoint.updates:
            yield _Block(
                (
                    f"- Capacity: {_line(endpoint.capacity)}",
                    f"- Traffic: {_line(endpoint.traffic)}",
                    f"- Rolled back by: {_line(endpoint.rollback)}",
                    *((f"- Cold start: {_line(stack.cold.text)}",) if stack.cold is not None else ()),
                    "",
                )
            )


def _models(stack: StackReview) -> Iterator[_Block]:
    if not stack.models:
        return
    yield _Block(
        (
            f"### Models: {words.model_summary(stack)}",
            "",
            "| Model | What | Version | Size | sha256 |",
            "| --- | --- | --- | ---: | --- |",
        ),
        tuple(
            f"| {_cell(item.artifact.name)} | {item.action.value} | {_line(words.version(item))} "
            f"| {words.size(item.artifact.size_bytes)} | {_digest(item.artifact.sha256)} |"
            for item in words.ordered_models(stack)
        ),
        ("",),
    )


def _digest(sha256: str) -> str:
    if not sha256:
        return "unknown"
    return f"`{sha256}`" if len(sha256) == _FULL_DIGEST else f"`{sha256}…` (from the key)"


def _costs(review: Review) -> Iterator[_Block]:
    costs = tuple(cost for stack in review.stacks for cost in stack.costs)
    if not costs:
        return
    currency = review.prices.currency
    yield _Block(
        ("### Cost a month", "", "| Endpoint | Now | After | Difference |", "| --- | --- | --- | ---: |"),
        tuple(
            f"| {_cell(cost.endpoint)} | {_line(cost.instances_before)}: {words.money(cost.before, currency)} "
            f"| {_line(cost.instances_after)}: {words.money(cost.after, currency)} "
            f"| **{words.signed_money(cost.difference, currency)}** |"
            for cost in costs
        ),
        ("", f"<sub>{_line(words.price_note(review.prices, costs))}</sub>", ""),
    )


def _folded(review: Review) -> Iterator[_Block]:
    accepted = [item for item in review.findings if item.accepted is not None]
    notes = [item for item in review.findings if item.accepted is None and item.severity is Severity.NOTE]
    lines = [f"- accepted, {_line(item.accepted or '')}: {_finding_line(item)}" for item in accepted]
    lines += [f"- {_finding_line(item)}" for item in notes]
    lines += [f"- {_line(remark)}" for remark in review.remarks]
    if lines:
        summary = f"Notes ({len(notes) + len(review.remarks)}) and accepted findings ({len(accepted)})"
        yield _Block((f"<details><summary>{summary}</summary>", ""), tuple(lines), ("", "</details>", ""))


def _finding_line(finding: Finding) -> str:
    place = f"{_code(finding.address)} in {_code(finding.stack)}"
    return f"{place}: {_line(finding.message)} (`{finding.rule.id}`)"


def _details(stack: StackReview) -> Iterator[_Block]:
    lines = [line for detail in stack.details for line in _detail_lines(detail)]
    if stack.changed_outputs:
        lines.append(f"- outputs that change: {', '.join(_code(name) for name in stack.changed_outputs)}")
    if lines:
        title = f"{_summary(stack.name)}: every change but models that come or go ({len(stack.details)})"
        yield _Block((f"<details><summary>{title}</summary>", ""), tuple(lines), ("", "</details>", ""))


def _detail_lines(detail: ChangeDetail) -> Iterator[str]:
    remark = f" ({_line(detail.remark)})" if detail.remark else ""
    yield f"- {_code(detail.address)} is {detail.action.value}{remark}"
    for item in detail.differences:
        if not item.only_unknown:
            now = "" if detail.action is Action.CREATE else f"{_code(item.before)} → "
            yield f"  - {_line(item.what)}: {now}{_code(item.after)}"
    unknown = words.still_unknown(detail.differences)
    if unknown:
        yield f"  - unknown until the apply: {_line(unknown)}"


# Invisible, and enough that GitHub sees no mention, reference or link there.
_JOINER = "\u2060"
_REFERENCE = re.compile(r"[@#]|\bgh-(?=[0-9])|:(?=//)|\bwww(?=\.)", re.IGNORECASE)


def _code(text: str) -> str:
    """A code span that nothing in `text` can leave. Nobody is notified by what stands in one."""
    safe = text.replace("`", "'").strip()
    return f"`{safe}`" if safe else "` `"


def _cell(text: str) -> str:
    """A code span inside a table, where a bar would begin the next cell, and a backslash before it would not help."""
    return _code(text).replace("\\|", f"\\{_JOINER}|").replace("|", "\\|")


def _line(text: str) -> str:
    """`text` as plain words: no markup, links, mentions or HTML of its own."""
    return _plain(
        re.sub(r"[\\*_\[\]|~]", r"\\\g<0>", html.escape(text.replace("`", "'").replace(" -> ", " → "), quote=False))
    )


def _summary(text: str) -> str:
    """`text` inside HTML, where Markdown means nothing but mentions still do."""
    return _plain(html.escape(text))


def _plain(text: str) -> str:
    return _REFERENCE.sub(lambda match: f"{match[0]}{_JOINER}", text)


def _address(place: str) -> str:
    """A link where `place` is one, else plain words."""
    is_link = place.startswith(("https://", "http://")) and not any(item in place for item in " <>")
    return f"<{place}>" if is_link else _line(place)


def _comment_safe(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in text).replace(
        "--", "__"
    )
