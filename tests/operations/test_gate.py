"""Policy and acceptances are those of the base branch, and a change of them is reported."""

from collections.abc import Callable
from pathlib import Path

import pytest

from operations.errors import RepositoryError
from operations.gate import review_options


def commit_gate(repository: Path, git: Callable[..., str]) -> None:
    (repository / "plan_review").mkdir()
    (repository / "plan_review" / "policy.toml").write_text("bundled = 'of the base'\n")
    (repository / "review-policy.toml").write_text("policy = 'of the base'\n")
    git("add", "-A")
    git("commit", "-qm", "gate")


def pairs(options: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(options[::2], options[1::2], strict=True))


def test_without_a_base_the_files_of_the_checkout_are_read(tmp_path: Path):
    with review_options(tmp_path, None) as options:
        assert options == ()
    for name in ("review-policy.toml", "review-accepted.toml"):
        (tmp_path / name).touch()
    with review_options(tmp_path, None) as options:
        expected = {("--policy", str(tmp_path / "review-policy.toml"))}
        assert set(pairs(options)) == expected | {("--accept", str(tmp_path / "review-accepted.toml"))}


def test_with_a_base_its_files_are_read_and_what_changes_is_named(repository: Path, git: Callable[..., str]):
    commit_gate(repository, git)
    (repository / "plan_review" / "policy.toml").write_text("bundled = 'loosened'\n")
    (repository / "review-policy.toml").unlink()
    (repository / "review-accepted.toml").write_text("[[accepted]]\n")
    (repository / ".github" / "workflows").mkdir(parents=True)
    (repository / ".github" / "workflows" / "plan.yml").touch()
    (repository / "models").mkdir()
    (repository / "models" / "models.lock.json").touch()
    git("add", "-A")
    git("commit", "-qm", "loosen")
    with review_options(repository, "HEAD^") as options:
        found = pairs(options)
        read = {option: Path(path).read_text() for option, path in found if option != "--gate-changed"}
        files = [Path(path) for option, path in found if option != "--gate-changed"]
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert read == {"--policy": "policy = 'of the base'\n", "--defaults": "bundled = 'of the base'\n"}
    assert [name for option, name in found if option == "--gate-changed"] == [
        ".github/workflows/plan.yml",
        "plan_review/policy.toml",
        "review-accepted.toml",
        "review-policy.toml",
    ]
    assert not any(file.exists() for file in files)


def test_an_unchanged_gate_is_not_named(repository: Path, git: Callable[..., str]):
    commit_gate(repository, git)
    (repository / "a").write_text("2")
    git("commit", "-qam", "two")
    with review_options(repository, "HEAD^") as options:
        assert "--gate-changed" not in options


def test_a_base_that_is_not_there_is_an_error(repository: Path):
    with pytest.raises(RepositoryError, match="origin/main"), review_options(repository, "origin/main"):
        pytest.fail("there is no such branch")
