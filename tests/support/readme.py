"""The commands that README.md shows."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt

README = Path(__file__).parents[2] / "README.md"
_STARTS = re.compile(r"(?:make|mme|bin/mme|cdktf|terraform|tofu|python3?|docker|aws|export|unset|eval|\.) \S")


def commands(text: str) -> list[str]:
    """Every line of a block of shell code, and every code within a sentence that begins like a command; each once."""
    found = []
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        for token in (block, *(block.children or ())):
            if token.type == "fence" and token.info in {"sh", "bash", "shell", "console"}:
                found += [line.split(" #")[0].strip() for line in token.content.splitlines()]
            elif token.type == "code_inline" and _STARTS.match(token.content):
                found.append(token.content)
    return list(dict.fromkeys(line for line in found if line))
