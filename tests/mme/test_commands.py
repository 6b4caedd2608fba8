"""Every command's help, what it imports for that, JSON, completion, and what a wrong command line says."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from mme.application import application
from mme.program import main
from mme.reference import reference

ROOT = Path(__file__).parents[2]
HEAVY = {
    "boto3",
    "botocore",
    "cdktf",
    "concurrent",
    "jsii",
    "moto",
    "mxnet",
    "numpy",
    "requests",
    "rich",
    "starlette",
}
ESCAPE = "\x1b"


def _paths(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if hasattr(command, "commands"):
            yield from _paths(command, (*path, name))


TREE = typer.main.get_command(application)
PATHS = list(_paths(TREE))


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "ENVIRONMENT"}}
    return subprocess.run(
        [ROOT / "bin" / "mme", *arguments],
        cwd=ROOT,
        env={**clean, **variables},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_commands_of_the_readme_are_there() -> None:
    wanted = ("demo", "local", "plan", "deploy", "destroy", "status", "invoke", "capacity", "check-account", "warm")
    assert {(name,) for name in wanted} <= set(PATHS)
    assert {("models", name) for name in ("add", "list", "promote", "remove", "restore")} <= set(PATHS)
    assert {("state", name) for name in ("history", "unlock", "adopt")} <= set(PATHS)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_has_help_in_plain_lines(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path, "--help"]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output.startswith(f"Usage: mme {' '.join(path)}")
    assert ESCAPE not in output and "─" not in output
    description = output.split("\n\n")[1].strip()
    assert description[0].isupper() and description.endswith((".", "it."))


@pytest.mark.parametrize("path", [(), *PATHS], ids=" ".join)
def test_no_line_of_a_help_is_cut_or_too_wide(path: tuple[str, ...], capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*path, "--help"]) == 0
    usage, *lines = capsys.readouterr().out.splitlines()
    assert not [line for line in (usage, *lines) if len(line) > 80]
    assert not [line for line in lines if line.rstrip().endswith(("...", "…"))]


@pytest.mark.parametrize("path", [path for path in PATHS if path not in (("plan",), ("review",))], ids=" ".join)
def test_an_option_that_does_not_exist_is_an_error_with_the_way_to_the_help(path, capsys) -> None:
    assert main([*path, "--no-such-option"]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == f"error: No such option: --no-such-option. See `mme {' '.join(path)} --help`.\n"


def test_a_wrong_command_line_never_looks_like_an_approval(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 1
    assert capsys.readouterr().err == "error: Missing argument 'environment'. See `mme plan --help`.\n"
    assert main(["models", "ad"]) == 1
    assert capsys.readouterr().err == "error: No such command 'ad'. Did you mean 'add'? See `mme models --help`.\n"


def test_help_imports_nothing_that_a_command_works_with() -> None:
    program = "import json, sys\nfrom mme.program import main\nmain(sys.argv[1:])\nprint(json.dumps(list(sys.modules)))"
    for arguments in (["--help"], ["plan", "--help"], ["models", "add", "--help"], ["capacity", "plan", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
        imported = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
        assert "typer" in imported
        assert not imported & HEAVY, arguments
        if arguments == ["--help"]:  # for the options of a command, typer itself needs it
            assert "pydantic" not in imported


def test_the_groups_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    headings = re.findall(r"^([A-Z].*):$", capsys.readouterr().out, re.MULTILINE)
    assert headings == ["Options", "On this machine", "Deploy", "Run", "Models and states"]


def test_the_reference_is_current() -> None:
    """`bin/mme --reference > docs/commands.md` writes it."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == reference(TREE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell(shell: str) -> None:
    # Otherwise it is that of the shell which runs the tests.
    done = run("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0, done.stderr
    assert "_MME_COMPLETE" in done.stdout


def _completed(words: str) -> list[str]:
    count = str(len(words.split(" ")) - 1)
    done = run(_MME_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_shell_completes_commands_options_and_environments() -> None:
    assert _completed("mme st") == ["status", "stacks", "state"]
    assert {"--to", "--from"} <= set(_completed("mme models promote --"))
    environments = json.loads((ROOT / "cdktf.json").read_text(encoding="utf-8"))["context"]["environments"]
    assert _completed("mme plan ") == sorted(environments)


def test_json_is_json_and_nothing_else() -> None:
    stacks = run("stacks", "dev", "--json")
    assert (stacks.returncode, stacks.stderr) == (0, "")
    assert json.loads(stacks.stdout) == ["state", "image", "models", "endpoint"]
    for arguments in (("models", "list", "--json"), ("endpoints", "dev", "--json")):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert isinstance(json.loads(done.stdout), list)


def test_lines_and_errors_have_no_colour_where_there_is_no_terminal() -> None:
    for variables in ({}, {"NO_COLOR": "1"}):
        done = run("models", "list", **variables)
        assert done.stdout.startswith("name\tversion\tengine\tsize_bytes\ttarget_model\tsource\n")
        assert ESCAPE not in done.stdout + done.stderr


def test_all_complaints_come_at_once_without_a_traceback() -> None:
    done = run("models", "add", "net", "somewhere", "--sha256", "0", "--tolerance", "1")
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all(line.startswith("error: ") for line in lines)
    done = run("local", "serve", "--time-factor", "7", "--port", "70000")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "time_factor: " in done.stderr and "port: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("models", "remove", "nothing"), "model nothing: not in the catalog"),
        (("stacks", "nowhere"), "nowhere"),
        (("invoke", "--model", "x", "--image", "y"), "give --environment"),
        (("capacity", "plan", "trace.csv", "--models", "3"), "--models: only for a generated trace"),
        (("local", "status", "--directory", "/nonexistent"), "No local AWS runs in /nonexistent"),
    ],
)
def test_a_users_mistake_is_one_line(arguments, said, capsys, monkeypatch) -> None:
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    monkeypatch.chdir(ROOT)
    assert main(arguments) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("error: ") and said in errors and errors.count("error: ") == 1


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.explain.explain", lambda *_: 1 // 0)
    monkeypatch.setattr("sys.stdin", io.StringIO("Error: something"))
    with pytest.raises(ZeroDivisionError):
        main(["explain"])


def test_the_launcher_works_on_its_own_project_only(tmp_path: Path) -> None:
    command = [ROOT / "bin" / "mme", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: mme works on the files of its project: cd {ROOT}, then try again\n"
    copy = tmp_path / "bin" / "mme"
    copy.parent.mkdir()
    copy.write_bytes((ROOT / "bin" / "mme").read_bytes())
    copy.chmod(0o755)
    done = subprocess.run([copy, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "run `make setup`" in done.stderr
