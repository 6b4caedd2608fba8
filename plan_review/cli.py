"""The command line: `python -m plan_review PLAN.json... [--format ...]`."""

from __future__ import annotations

import datetime
import enum
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from plan_review import catalogue
from plan_review.acceptance import read_acceptances
from plan_review.cold_start import read_load_times
from plan_review.errors import ReviewError
from plan_review.formats import json as json_format
from plan_review.formats import markdown, sarif
from plan_review.policy import read_policy
from plan_review.prices import bundled_prices
from plan_review.reading import read_plan
from plan_review.review import Review, Settings, review, with_gate_changes
from plan_review.rules import RULES, RULES_BY_ID

ERROR = 1
"""Exit code for what cannot be reviewed. 0 is safe, 2 needs approval, 3 is blocked."""


class Format(enum.StrEnum):
    MARKDOWN = "markdown"
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def plan_review(
    plans: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Output of `terraform show -json`, a file a stack, named after it: dev-endpoint.json.",
            metavar="PLAN.json...",
        ),
    ] = None,
    *,
    format_: Annotated[Format, typer.Option("--format", help="How to write the review.")] = Format.TEXT,
    policy: Annotated[
        Path | None, typer.Option(help="TOML file: what verdicts and rules ask for.", metavar="FILE")
    ] = None,
    accept: Annotated[
        Path | None, typer.Option(help="TOML file: findings accepted with a reason and an end date.", metavar="FILE")
    ] = None,
    defaults: Annotated[
        Path | None, typer.Option(help="TOML file in place of the bundled policy.toml.", metavar="FILE")
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(help="The catalog's models.lock.json: how long models load after an update.", metavar="FILE"),
    ] = None,
    gate_changed: Annotated[
        list[str] | None,
        typer.Option(
            help="A file of the repository that decides over reviews and that the reviewed change alters. Asks for "
            "approval. May be repeated.",
            metavar="FILE",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file, not to standard output.", metavar="FILE")
    ] = None,
    whole_at: Annotated[
        str | None, typer.Option(help="Where a reader finds the whole review when Markdown is cut.", metavar="URL")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Write the catalogue of rules and end.")] = False,
    verdicts: Annotated[
        bool, typer.Option("--verdicts", help="Write the page of verdicts by kind of change and end.")
    ] = False,
) -> None:
    """Says what saved Terraform plans do to the endpoint.

    Exit codes: 0 safe, 1 error, 2 needs approval, 3 blocked.
    """
    if rules:
        _write(catalogue.render(RULES), output)
        return
    if verdicts:
        _write(catalogue.verdict_table(RULES, read_policy(None, frozenset(RULES_BY_ID)).verdicts), output)
        return
    if not plans:
        raise ReviewError("no plan given; usage: python -m plan_review PLAN.json... (see --help)")
    rule_ids = frozenset(RULES_BY_ID)
    settings = Settings(
        rules=RULES,
        policy=read_policy(policy, rule_ids, defaults),
        acceptances=read_acceptances(accept, rule_ids),
        prices=bundled_prices(),
        today=datetime.datetime.now(datetime.UTC).date(),
        load_times=None if lock is None else read_load_times(lock),
    )
    read = tuple(read_plan(path) for path in plans)
    names = [plan.stack for plan in read]
    for name in names:
        if names.count(name) > 1:
            files = ", ".join(plan.source for plan in read if plan.stack == name)
            raise ReviewError(f"stack {name} is given more than once ({files}); name each file after its stack")
    result = with_gate_changes(review(read, settings), gate_changed or ())
    _write(_rendered(result, format_, whole_at, to_terminal=output is None and sys.stdout.isatty()), output)
    raise typer.Exit(result.decision.exit_code)


def _rendered(result: Review, format_: Format, whole_at: str | None, to_terminal: bool) -> str:
    if format_ is Format.MARKDOWN:
        return markdown.render(result, whole_at)
    if format_ is Format.JSON:
        return json_format.render(result)
    if format_ is Format.SARIF:
        return sarif.render(result)
    from plan_review.formats import text  # noqa: PLC0415 - rich is loaded for this format only

    return text.render(result, color=to_terminal and "NO_COLOR" not in os.environ)


def _write(content: str, output: Path | None) -> None:
    try:
        if output is None:
            sys.stdout.buffer.write(content.encode("utf-8"))
            sys.stdout.flush()
        else:
            output.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ReviewError(f"{output or 'standard output'}: cannot be written ({error.strerror or error})") from error


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit code; what a user did wrong is one line on standard error."""
    try:
        code = app(args=arguments, prog_name="python -m plan_review", standalone_mode=False)
    except ReviewError as error:
        print(f"plan_review: {error}", file=sys.stderr)
        return ERROR
    except typer.TyperException as error:
        print(f"plan_review: {error} (see --help)", file=sys.stderr)
        return ERROR
    except (typer.Abort, KeyboardInterrupt):
        return ERROR
    return code if isinstance(code, int) else 0
