"""The project's Markdown: plain English, and links that lead somewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
NOT_THE_PROJECTS = {"node_modules", "cdktf.out", "__pycache__", "artifacts", "sources"}
GENERATED = ("docs/licences.md", "plan_review/RULES.md", "benchmarks/scale.md", "benchmarks/server.md")
GOLDEN = "tests/plan_review/comments/"
TEMPLATE = "benchmarks/server/report_template.md"
"""Its links are those of the page that is written from it, one folder up."""

# What a translation says, and what an engineer would write.
WORDS = {
    "anew": "again, or from scratch",
    "mend(s|ed|ing)?": "fix",
    "whoever": "the person who, anyone who, or name the role",
    "what lies where": "repository layout",
    "takes? its time": "is slow; give the time",
    "tells? (about|more|how|why|when|what)": "describes, explains",
    "new comes before old": "replacements are created first",
    "the version that falls out": "the oldest version",
    "(in|at) one glance": "leave it out",
    "hangs? on": "depends on",
    "hardly ever": "rarely",
    "to no use": "without effect",
    "as (it|they) (is|are) held": "as tested",
    "complained about": "reported",
}
GENERATED_PART = re.compile(r"<!-- (\w+) -->.*?<!-- /\1 -->", re.DOTALL)


def _documents() -> list[str]:
    """The Markdown files of the checkout, without what its tools and the examples write."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in NOT_THE_PROJECTS and (name == ".github" or name[0] != ".")
        ]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in files if name.endswith(".md")]
    return sorted(found)


DOCUMENTS = _documents()
WRITTEN_BY_HAND = [name for name in DOCUMENTS if name not in GENERATED and not name.startswith(GOLDEN)]


def _complaints(text: str) -> list[str]:
    text = GENERATED_PART.sub(lambda part: "\n" * part[0].count("\n"), text)
    complaints = []
    for words, better in WORDS.items():
        pattern = rf"\b(?:{words})\b".replace(" ", r"\s+")
        for match in re.finditer(pattern, text, re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            complaints.append(f"line {line}: {' '.join(match[0].split())!r}; better: {better}")
    return complaints


def _links(text: str) -> Iterator[str]:
    """The targets of links and pictures, not those in code."""
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        for token in block.children or ():
            target = token.attrs.get("href") or token.attrs.get("src")
            if target:
                yield unquote(str(target))


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    headings = (
        "".join(child.content for child in following.children or ())
        for token, following in zip(tokens, tokens[1:], strict=False)
        if token.type == "heading_open"
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _broken_links(name: str) -> list[str]:
    page = ROOT / name
    broken = []
    for link in _links(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", path):
            continue
        target = page if not path else page.parent / path
        if not target.exists():
            broken.append(f"{link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target.read_text(encoding="utf-8")):
            broken.append(f"{link}: there is no such heading")
    return broken


def test_the_documents_are_found() -> None:
    assert {"README.md", "stacks/README.md", "docs/state.md", *GENERATED} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", WRITTEN_BY_HAND)
def test_the_words_are_plain(name: str) -> None:
    complaints = _complaints((ROOT / name).read_text(encoding="utf-8"))
    assert not complaints


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != TEMPLATE])
def test_every_link_leads_to_a_file(name: str) -> None:
    broken = _broken_links(name)
    assert not broken


def test_words_are_found_across_lines_and_in_any_case_but_not_in_generated_parts() -> None:
    text = "Fine.\n<!-- table -->\nAnew\n<!-- /table -->\nThis Tells\nabout it; amend the recommended menu. ANEW."
    assert [complaint.partition(";")[0] for complaint in _complaints(text)] == [
        "line 6: 'ANEW'",
        "line 5: 'Tells about'",
    ]


def test_links_in_code_are_none() -> None:
    text = "[a](b.md) ![c](d%20e.png) `[x](y)`\n\n    [x](y)\n\n| t |\n|---|\n| [f](#g) |\n"
    assert list(_links(text)) == ["b.md", "d e.png", "#g"]
    assert _anchors("# The `key`: a *note*\n\n## Two  words\n") == {"the-key-a-note", "two--words"}
