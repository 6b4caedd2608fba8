import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.model_server.artifact.archive import extract_archive
from model_catalog.errors import CatalogError
from model_catalog.packing import pack_folder

NAME = st.text("abcZ0_-ä", min_size=1, max_size=5)
FILES = st.dictionaries(
    st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=600), max_size=5
).filter(lambda files: not any(other.startswith(f"{path}/") for path in files for other in files))


def write(folder: Path, files: dict[str, bytes], order: list[str], mode: int, time: int) -> Path:
    for path in order:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[path])
        target.chmod(mode)
        os.utime(target, (time, time))
    return folder


@settings(max_examples=50, derandomize=True, deadline=None)
@given(files=FILES, data=st.data())
def test_the_same_content_gives_the_same_bytes_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("packing")
    archives = []
    for number, mode in enumerate((0o644, 0o700)):
        order = data.draw(st.permutations(sorted(files)))
        folder = root / str(number)
        folder.mkdir()
        buffer = io.BytesIO()
        packed = pack_folder(write(folder, files, order, mode, 1000 + number), buffer)
        assert packed.sha256 == hashlib.sha256(buffer.getvalue()).hexdigest()
        assert packed.size_bytes == len(buffer.getvalue())
        archives.append(buffer.getvalue())
    assert archives[0] == archives[1]
    (root / "archive").write_bytes(archives[0])
    extract_archive(root / "archive", root / "again")
    found = {
        path.relative_to(root / "again").as_posix(): path.read_bytes()
        for path in (root / "again").rglob("*")
        if path.is_file()
    }
    assert found == files


def test_nothing_of_this_machine_is_in_the_archive(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text("x")
    (tmp_path / "code" / "inference.py").chmod(0o755)
    (tmp_path / ".DS_Store").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    buffer = io.BytesIO()
    pack_folder(tmp_path, buffer)
    assert buffer.getvalue()[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        [member] = archive.getmembers()
    assert (member.name, member.mode, member.mtime, member.uid, member.gid, member.uname, member.gname) == (
        "code/inference.py", 0o644, 0, 0, 0, "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("link", "'odd' points outside the model's folder"),
        ("loop", "'odd' is a link to a folder that holds it"),
        ("dangling", "'odd' is a link to 'nowhere', which is not there"),
        ("pipe", "'odd' is neither a file nor a folder"),
    ],
)
def test_links_that_lead_elsewhere_and_pipes_are_refused(tmp_path: Path, kind: str, message: str) -> None:
    path = tmp_path / "odd"
    targets = {"link": "/etc/passwd", "loop": ".", "dangling": "nowhere"}
    if kind in targets:
        path.symlink_to(targets[kind])
    else:
        os.mkfifo(path)
    with pytest.raises(CatalogError, match=message):
        pack_folder(tmp_path, io.BytesIO())


def test_links_inside_the_folder_become_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "one").write_text("weights")
    (tmp_path / "net.onnx").symlink_to("blobs/one")
    (tmp_path / "again").symlink_to("blobs")
    buffer = io.BytesIO()
    pack_folder(tmp_path, buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        assert archive.getnames() == ["again/one", "blobs/one", "net.onnx"]
        assert all(member.isreg() and member.size == 7 for member in archive)


def test_what_macos_and_python_leave_behind_stays_out(tmp_path: Path) -> None:
    for name in (
        "net.onnx",
        "._net.onnx",
        "__MACOSX/._net.onnx",
        "code/__pycache__/inference.cpython-311.pyc",
        "a.pyc",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    buffer = io.BytesIO()
    pack_folder(tmp_path, buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        assert archive.getnames() == ["net.onnx"]
