"""Files with secrets in them: nobody else may read them, whatever was there before and whatever the umask is."""

import os
from pathlib import Path

from operations.private_files import make_private_directory, write_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_files_and_folders_are_for_their_owner_only(tmp_path: Path):
    before = os.umask(0)
    try:
        make_private_directory(tmp_path / "new" / "plans")
        write_private(tmp_path / "new" / "plans" / "plan", b"1")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "new" / "plans"), mode(tmp_path / "new" / "plans" / "plan")) == (0o700, 0o600)


def test_what_was_open_is_closed(tmp_path: Path):
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir(mode=0o755)
    file.write_text("something longer")
    file.chmod(0o644)
    make_private_directory(folder)
    write_private(file, "text")
    assert (mode(folder), mode(file), file.read_text()) == (0o700, 0o600, "text")
