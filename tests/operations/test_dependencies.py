"""The list of licences is that of the lock files; what is behind follows from what pip and npm answer."""

import json
from email.message import Message

import pytest

from operations import dependencies
from operations.dependencies import (
    LICENCES,
    UNKNOWN,
    Behind,
    DependencyError,
    behind_npm,
    behind_python,
    direct_python_dependencies,
    licence_of,
    licences_page,
    npm_dependencies,
    python_dependencies,
)


def stated(**fields: str | list[str]) -> Message:
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        (stated(License_Expression="MIT", License="something else"), "MIT"),
        (stated(Classifier=["Topic :: Utilities", "License :: OSI Approved :: Apache Software License"]), "Apache-2.0"),
        (
            stated(Classifier=["License :: OSI Approved :: BSD License", "License :: OSI Approved :: MIT License"]),
            "BSD-3-Clause OR MIT",
        ),
        (stated(Classifier="License :: OSI Approved", License="ISC"), "ISC"),
        (stated(License="Permission is hereby granted\n        to everybody"), UNKNOWN),
        (stated(Name="silent"), UNKNOWN),
    ],
)
def test_the_licence_is_what_the_metadata_states(metadata, licence):
    assert licence_of(metadata) == licence


def test_the_page_is_that_of_the_lock_files():
    page = licences_page(python_dependencies(), npm_dependencies())
    assert page == LICENCES.read_text(), "run `make licences`"
    assert "unknown" not in page


def test_every_licence_may_be_used_for_any_purpose():
    strong_copyleft = ("GPL", "AGPL", "SSPL", "BUSL")
    for one in [*python_dependencies(), *npm_dependencies()]:
        choices = one.licence.strip("()").split(" OR ")
        assert any(not choice.startswith(strong_copyleft) for choice in choices), one


def test_a_package_that_is_not_installed_is_told(tmp_path):
    lock = {"default": {"no-such-package": {"version": "==1.0"}}, "develop": {}}
    (tmp_path / "Pipfile.lock").write_text(json.dumps(lock))
    (tmp_path / "container").mkdir()
    (tmp_path / "container" / "requirements.txt").touch()
    with pytest.raises(
        DependencyError, match=r"no-such-package is in Pipfile\.lock and not installed: run `make setup`"
    ):
        python_dependencies(tmp_path)


def test_a_package_of_another_platform_is_left_out(tmp_path):
    pin = {"version": "==1.0", "markers": "sys_platform == 'none-such'"}
    (tmp_path / "Pipfile.lock").write_text(json.dumps({"default": {"no-such-package": pin}, "develop": {}}))
    (tmp_path / "container").mkdir()
    (tmp_path / "container" / "requirements.txt").touch()
    assert python_dependencies(tmp_path) == []


def test_only_direct_dependencies_are_told_to_be_behind():
    direct = direct_python_dependencies()
    assert direct["cdktf"] == "==0.21.0"
    assert direct["moto"] == "*"
    answer = [
        {"name": "moto", "version": "5.0.0", "latest_version": "5.9.0"},
        {"name": "Not_Direct", "version": "1", "latest_version": "2"},
    ]
    assert behind_python(answer, direct) == [Behind("moto", "5.0.0", "5.9.0", "*")]
    npm = {"cdktf-cli": {"latest": "0.22.0"}, "other": {"current": "1", "latest": "2"}}
    assert behind_npm(npm, {"cdktf-cli": "0.21.0"}) == [Behind("cdktf-cli", "not installed", "0.22.0", "0.21.0")]


@pytest.fixture
def package_managers(tmp_path, monkeypatch):
    """Stand-ins for pip and npm that answer what is asked of them."""

    def answer(pip: str, npm: str, exit_code: int = 0) -> None:
        for name, text in (("python", pip), ("npm", npm)):
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{text}'\nexit {exit_code}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setattr(dependencies.sys, "executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return answer


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(dependencies.sys, "argv", ["dependencies", *arguments])
    with pytest.raises(SystemExit) as ended:
        dependencies.main()
    return ended.value.code


def test_outdated_prints_a_table_and_may_fail(package_managers, monkeypatch, capsys):
    package_managers('[{"name": "boto3", "version": "1.0", "latest_version": "1.1"}]', "{}")
    assert run(monkeypatch, "outdated") == 0
    assert "boto3" in capsys.readouterr().out
    assert run(monkeypatch, "outdated", "--check") == 1


def test_nothing_behind(package_managers, monkeypatch, capsys):
    package_managers("[]", "{}")
    assert run(monkeypatch, "outdated", "--check") == 0
    assert capsys.readouterr().out == "Every direct dependency is at its newest release.\n"


def test_a_registry_out_of_reach_is_a_line(package_managers, monkeypatch, capsys):
    package_managers("no route to host", "{}", exit_code=2)
    assert run(monkeypatch, "outdated") == 1
    assert capsys.readouterr().err.endswith("failed: no route to host. Is the package registry within reach?\n")


def test_licences_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dependencies, "LICENCES", tmp_path / "licences.md")
    assert run(monkeypatch, "licences") == 0
    assert (tmp_path / "licences.md").read_text() == LICENCES.read_text()
    assert str(tmp_path / "licences.md") in capsys.readouterr().out
