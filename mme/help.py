"""Help as plain lines, with the commands in groups; the same on a terminal and in a file."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

_OTHERS = "Commands"


class Commands(TyperGroup):
    """A group that lists its commands below the headings that they are registered with."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None) or _OTHERS
            sections.setdefault(panel, []).append((name, first_paragraph(command.help or "")))
        for panel, rows in sections.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


def first_paragraph(text: str) -> str:
    """The first paragraph of a command's help, on one line."""
    return " ".join(text.partition("\n\n")[0].split())
