import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_builder.context import content_hash, context_files
from image_builder.errors import ImageBuilderError


def paths(folder: Path) -> list[str]:
    return [file.path for file in context_files(folder)]


def test_lists_what_the_engine_would_see(context: Path) -> None:
    (context / "notes.md").write_text("x")
    (context / "server" / "__pycache__").mkdir()
    (context / "server" / "__pycache__" / "main.pyc").write_bytes(b"x")
    (context / "docs").mkdir()
    (context / "docs" / "keep.md").write_text("x")
    (context / "docs" / "drop.md").write_text("x")
    (context / ".dockerignore").write_text("**/__pycache__\nnotes.md\ndocs\n!docs/keep.md\nDockerfile\n")
    assert paths(context) == [".dockerignore", "Dockerfile", "docs/keep.md", "serve", "server/main.py"]


def test_times_owners_modes_and_empty_folders_do_not_count(context: Path, tmp_path: Path) -> None:
    before = content_hash(context)
    copy = tmp_path / "copy"
    copy.mkdir()
    for source in sorted(context.rglob("*"), reverse=True):
        target = copy / source.relative_to(context)
        target.parent.mkdir(exist_ok=True)
        if source.is_file():
            shutil.copyfile(source, target)
            os.utime(target, (1, 1))
    (copy / "serve").chmod(0o700)
    (copy / "server" / "main.py").chmod(0o600)
    (copy / "empty").mkdir()
    assert content_hash(copy) == before
    assert content_hash(str(copy) + "/") == before


def test_an_ignored_file_does_not_count(context: Path) -> None:
    (context / ".dockerignore").write_text("*.log\n")
    before = content_hash(context)
    (context / "a.log").write_text("x")
    assert content_hash(context) == before


@pytest.mark.parametrize("change", ["content", "name", "executable", "new", "gone", "ignore", "dockerfile", "link"])
def test_what_the_build_sees_counts(context: Path, change: str) -> None:
    (context / "link").symlink_to("serve")
    (context / ".dockerignore").write_text("Dockerfile\n")
    before = content_hash(context)
    match change:
        case "content":
            (context / "serve").write_text("#!/bin/bash\n")
        case "name":
            (context / "serve").rename(context / "served")
        case "executable":
            (context / "serve").chmod(0o644)
        case "new":
            (context / "new").touch()
        case "gone":
            (context / "serve").unlink()
        case "ignore":
            (context / ".dockerignore").write_text("Dockerfile\nserver\n")
        case "dockerfile":
            (context / "Dockerfile").write_text("FROM other\n")
        case "link":
            (context / "link").unlink()
            (context / "link").symlink_to("server")
    assert content_hash(context) != before


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=4), min_size=1, max_size=4), st.data()
)
def test_other_files_have_another_hash(
    tmp_path_factory: pytest.TempPathFactory, files: dict, data: st.DataObject
) -> None:
    other = data.draw(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=4), max_size=4))
    hashes = []
    for content in (files, other):
        folder = tmp_path_factory.mktemp("context")
        (folder / "Dockerfile").touch()
        for name, body in content.items():
            (folder / name).write_bytes(body)
        hashes.append(content_hash(folder))
    assert (hashes[0] == hashes[1]) == (files == other)


def test_the_hash_is_sha256_in_hex(context: Path) -> None:
    assert len(content_hash(context)) == 64
    assert int(content_hash(context), 16)


def test_a_folder_without_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageBuilderError, match="has no Dockerfile"):
        content_hash(tmp_path)


def test_a_pipe_is_refused(context: Path) -> None:
    os.mkfifo(context / "pipe")
    with pytest.raises(ImageBuilderError, match="pipe is neither a file nor a link"):
        context_files(context)
