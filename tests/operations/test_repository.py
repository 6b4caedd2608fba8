"""What git says of a checkout: by real git, in repositories of the tests' own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from operations.errors import RepositoryError
from operations.repository import Repository


def test_the_content_is_the_tree_of_head_until_a_tracked_file_changes(repository: Path, git: Callable[..., str]):
    found = Repository(repository)
    assert found.content_tree() == git("rev-parse", "HEAD^{tree}")
    (repository / "untracked").write_text("not part of the content")
    assert found.content_tree() == git("rev-parse", "HEAD^{tree}")
    (repository / "a").write_text("changed")
    changed = found.content_tree()
    assert changed != git("rev-parse", "HEAD^{tree}")
    assert git("diff", "--cached", "--name-only") == ""
    git("commit", "-qam", "changed")
    assert found.content_tree() == changed == git("rev-parse", "HEAD^{tree}")


def test_without_git_there_is_no_content_and_no_branch(tmp_path: Path):
    found = Repository(tmp_path)
    assert found.content_tree() is None
    # A repository that git refuses to read is not the same as none.
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(RepositoryError, match="not a git repository"):
        found.content_tree()
    with pytest.raises(RepositoryError, match="origin/main is no branch or commit that this checkout has"):
        found.commit("origin/main")


def test_files_are_read_as_another_commit_has_them(repository: Path, git: Callable[..., str]):
    found = Repository(repository)
    base = found.commit("HEAD")
    (repository / "a").write_text("changed")
    git("commit", "-qam", "changed")
    assert (found.read(base, "a"), found.read("HEAD", "a"), found.read("HEAD", "b")) == (b"1", b"changed", None)
    for reference in ("origin/main", "--help"):
        with pytest.raises(RepositoryError, match=f"{reference} is no branch or commit"):
            found.commit(reference)


def test_changes_are_edits_new_files_deletions_and_renames_below_the_paths(repository: Path, git: Callable[..., str]):
    found = Repository(repository)
    (repository / "folder").mkdir()
    for name in ("folder/old", "folder/gone", "folder/with space\n"):
        (repository / name).write_text(name)
    git("add", "-A")
    git("commit", "-qm", "more")
    base = found.commit("HEAD")
    assert found.changed(base, ["folder", "a"]) == ()
    git("mv", "folder/old", "new")
    (repository / "folder" / "gone").unlink()
    (repository / "folder" / "with space\n").write_text("edited")
    (repository / "folder" / "untracked").touch()
    (repository / "b").touch()
    expected = ("folder/gone", "folder/old", "folder/untracked", "folder/with space\n")
    assert found.changed(base, ["folder", "a"]) == expected
