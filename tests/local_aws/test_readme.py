"""README.md of the local AWS claims nothing that a test does not hold."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
README = (HERE.parents[1] / "local_aws" / "README.md").read_text(encoding="utf-8")
TABLES = ("As on AWS", "Not as on AWS", "How to add")
_TEST = re.compile(r"`([\w/]+\.py)(?:::(test_\w+))?`")


def rows(title: str) -> list[str]:
    """The rows of the table below a heading, without its head."""
    section = README.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize("title", TABLES)
def test_every_row_names_tests_that_exist(title: str) -> None:
    missing = []
    for row in rows(title):
        named = _TEST.findall(row.rstrip("| ").rpartition("|")[2])
        if not named:
            missing.append(f"names no test: {row}")
        for file, test in named:
            path = HERE / file
            if not path.is_file():
                missing.append(f"no such file: {file}")
            elif test and not re.search(rf"^\s*def {test}\(", path.read_text(encoding="utf-8"), re.MULTILINE):
                missing.append(f"no such test: {file}::{test}")
    assert missing == []
    assert len(rows(title)) > 5
