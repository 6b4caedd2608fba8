"""The project's words: plain English in documents, docstrings, comments and messages; links, commands and settings that
exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from capacity.commands import application as capacity
from mme.application import application as mme
from model_catalog.__main__ import application as model_catalog
from operations.__main__ import application as operations
from stacks.settings_reader import read_settings

ROOT = Path(__file__).parents[1]
NOT_THE_PROJECTS = {"node_modules", "cdktf.out", "__pycache__", "artifacts", "sources"}
GENERATED = (
    "docs/commands.md",
    "docs/licences.md",
    "docs/settings.md",
    "plan_review/RULES.md",
    "plan_review/VERDICTS.md",
    "benchmarks/capacity.md",
    "benchmarks/reliability.md",
    "benchmarks/scale.md",
    "benchmarks/server.md",
)
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
    "complained about": "reported",
    "(is|are) told": "is notified, is given, is reported, gets",
    "the very (image|packages|content|command)": "the same, exactly",
    "in the course of": "during",
    "likewise": "as well, too",
    "makes? up for": "fills the gap, compensates",
    "falls? out behind": "expires after",
    "reads? translated": "name what is wrong",
    "it was so": "give the reason it no longer is, or leave it out",
    "in the case that": "if",
    "serves? to": "name what it does",
    "is able to": "can",
    "in order to": "to",
    "as of now": "now, or give the version",
    "the possibility (of|to)": "can",
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


COMMANDS = {
    "capacity": typer.main.get_command(capacity).commands,
    "operations": typer.main.get_command(operations).commands,
    "model_catalog": typer.main.get_command(model_catalog).commands,
}
MME = typer.main.get_command(mme)
DOCUMENTS = _documents()
RECIPES = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
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


def _tokens(text: str) -> Iterator[Token]:
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        yield from (block, *(block.children or ()))


def _links(text: str) -> Iterator[str]:
    """The targets of links and pictures, not those in code."""
    for token in _tokens(text):
        target = token.attrs.get("href") or token.attrs.get("src")
        if target:
            yield unquote(str(target))


def _code(text: str) -> Iterator[str]:
    """The lines of code: blocks, and code within sentences."""
    for token in _tokens(text):
        if token.type in ("fence", "code_block", "code_inline"):
            yield from token.content.splitlines()


def _unknown_commands(text: str) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in _code(text):
        yield from (
            f"make {target}" for target in re.findall(r"\bmake (?!sure\b)([a-z-]+)", line) if target not in targets
        )
        for module in re.findall(r"\bpython3? -m ([\w.]+)", line):
            path = ROOT / module.replace(".", "/")
            if module != "pytest" and not path.with_suffix(".py").exists() and not (path / "__main__.py").exists():
                yield f"python -m {module}"
        for module, name, rest in re.findall(r"\bpython3? -m (operations|model_catalog) ([a-z-]+)([^#|]*)", line):
            command = COMMANDS[module].get(name)
            known = set() if command is None else {option for each in command.params for option in each.opts}
            if command is None:
                yield f"python -m {module} {name}"
            elif not command.context_settings.get("ignore_unknown_options"):  # passed on to the plan review
                yield from (f"{name} {option}" for option in re.findall(r"--[a-z0-9-]+", rest) if option not in known)
        for words in re.findall(r"(?<![\w/.-])(?:bin/)?mme ((?:[a-z][a-z-]* )?[a-z][a-z-]*[^#|&;]*)", line):
            yield from _unknown_to_mme(words)


def _unknown_to_mme(words: str) -> Iterator[str]:
    """The command of `mme models add NAME` that is not there, or its options that are not."""
    command, path = MME, ["mme"]
    rest = words.split()
    while rest and hasattr(command, "commands") and re.fullmatch(r"[a-z-]+", rest[0]) and rest[0][0] != "-":
        path.append(rest.pop(0))
        command = command.commands.get(path[-1])
    if command is None:
        yield " ".join(path)
    elif not command.context_settings.get("ignore_unknown_options"):
        known = {option for each in command.params for option in each.opts} | {"--help"}
        for option in re.findall(r"--[a-z0-9-]+", " ".join(rest)):
            if option not in known:
                yield f"{' '.join(path)} {option}"


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    headings = (
        "".join(child.content for child in following.children or ())
        for token, following in pairwise(tokens)
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
    assert len(RECIPES) >= 4


@pytest.mark.parametrize("name", WRITTEN_BY_HAND)
def test_the_words_are_plain(name: str) -> None:
    complaints = _complaints((ROOT / name).read_text(encoding="utf-8"))
    assert not complaints


def test_the_words_of_the_sources_are_plain() -> None:
    """Docstrings, comments and messages."""
    command = ["git", "ls-files", "*.py", "*.sh", "*.yml", "Makefile"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    paths = [ROOT / name for name in listed if name != "tests/test_documents.py" and (ROOT / name).exists()]
    assert ROOT / "Makefile" in paths
    complaints = [
        f"{path.relative_to(ROOT)}, {found}" for path in paths for found in _complaints(path.read_text("utf-8"))
    ]
    assert not complaints


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != TEMPLATE])
def test_every_link_leads_to_a_file(name: str) -> None:
    broken = _broken_links(name)
    assert not broken


@pytest.mark.parametrize("name", WRITTEN_BY_HAND)
def test_every_command_exists(name: str) -> None:
    unknown = list(_unknown_commands((ROOT / name).read_text(encoding="utf-8")))
    assert not unknown


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_settings_of_the_recipes_are_accepted(recipe: str, tmp_path: Path) -> None:
    document = json.loads((ROOT / "cdktf.json").read_text(encoding="utf-8"))
    environment = document["context"]["environments"]["dev"]
    environment |= json.loads(f"{{{recipe}}}")
    (tmp_path / "cdktf.json").write_text(json.dumps(document), encoding="utf-8")
    read_settings(tmp_path / "cdktf.json", {"ENVIRONMENT": "dev"})


def test_unknown_commands_are_found() -> None:
    text = """
`make demo` `make nothing` `python -m benchmarks.scale` `python -m operations fly`

    python -m no.module
    python -m operations deploy dev --saved x --maybe
    python3 -m model_catalog add NAME PATH --to-onnx
    python -m operations plan dev --format markdown
    mme models add NAME PATH --to-onnx && bin/mme plan dev --format markdown
    mme models fly
    mme deploy dev --maybe
"""
    assert list(_unknown_commands(text)) == [
        "make nothing",
        "python -m operations fly",
        "python -m no.module",
        "deploy --maybe",
        "mme models fly",
        "mme deploy --maybe",
    ]


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
