"""Arguments and options that several commands share, and what a shell completes for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

_SETTINGS_FILE = Path("cdktf.json")


def environments(incomplete: str) -> list[str]:
    """The environments of cdktf.json that begin so; none where it cannot be read, for completion cannot complain."""
    try:
        names = json.loads(_SETTINGS_FILE.read_text(encoding="utf-8"))["context"]["environments"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return sorted(name for name in names if name.startswith(incomplete))


Environment = Annotated[
    str, typer.Argument(help="A key of cdktf.json's context.environments, such as dev.", autocompletion=environments)
]
Stack = Annotated[str, typer.Argument(help="One of the environment's stacks: state, image, models, endpoint, ...")]
Base = Annotated[
    str | None,
    typer.Option(
        help="The branch or commit that the change is merged into, such as origin/main: policy and acceptances are "
        "read from it, and a change of them asks for approval. Default: those of the checkout.",
        metavar="COMMIT",
    ),
]
Confirm = Annotated[str, typer.Option(help="`yes` does it; without it, what would be done is shown only.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
