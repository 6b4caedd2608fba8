"""Extraction is all or nothing, and never leaves its folder."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.model_server.artifact.archive import ArchiveError, ArchiveLimits, extract_archive
from tests.support.limits import largest_file

Members = list[tuple[tarfile.TarInfo, bytes]]


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(content)
    return info, content


def packed(members: Members, path: Path, tar_format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=tar_format) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(archive: Path, root: Path, message: str, **limits: int) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(ArchiveError, match=message):
        extract_archive(archive, root / "models" / "out", ArchiveLimits(**limits))
    (root / "models").rmdir()  # raises where anything was left
    assert sorted(root.rglob("*")) == before


def test_files_and_folders_come_out(tmp_path: Path) -> None:
    long_name = "d/" + "x" * 200
    archive = packed(
        [
            member("./", kind=tarfile.DIRTYPE),
            member("./net-symbol.json", b"{}"),
            member("code", kind=tarfile.DIRTYPE, mode=0o700),
            member("code/inference.py", b"x = 1", mode=0o4777),
            member(long_name, b"long"),
            member("empty"),
        ],
        tmp_path / "a.tar.gz",
    )
    extract_archive(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {
        "net-symbol.json": b"{}",
        "code/inference.py": b"x = 1",
        long_name: b"long",
        "empty": b"",
    }
    assert (tmp_path / "out/code/inference.py").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "out/net-symbol.json").stat().st_mode & 0o7777 == 0o644


def test_an_empty_folder_may_be_filled_and_a_full_one_not(tmp_path: Path) -> None:
    archive = packed([member("a", b"1")], tmp_path / "a.tar.gz")
    (tmp_path / "empty").mkdir()
    extract_archive(archive, tmp_path / "empty")
    with pytest.raises(OSError, match="not empty"):
        extract_archive(archive, tmp_path / "empty")
    assert tree(tmp_path / "empty") == {"a": b"1"}


def test_links_inside_become_the_files_they_lead_to(tmp_path: Path) -> None:
    archive = packed(
        [
            member("deep/second", kind=tarfile.SYMTYPE, link="../first"),
            member("first", kind=tarfile.SYMTYPE, link="blobs/x"),
            member("hard", kind=tarfile.LNKTYPE, link="blobs/x"),
            member("folder", kind=tarfile.SYMTYPE, link="deep/er"),
            member("deep/er/x", kind=tarfile.SYMTYPE, link="../../hard"),
            member("blobs/x", b"1"),
        ],
        tmp_path / "a.tar.gz",
    )
    extract_archive(archive, tmp_path / "out")
    names = ["deep/second", "first", "hard", "blobs/x", "folder/x", "deep/er/x"]
    assert tree(tmp_path / "out") == dict.fromkeys(names, b"1")
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
    with pytest.raises(ArchiveError, match="expands to more than 3 bytes"):
        extract_archive(archive, tmp_path / "bomb", ArchiveLimits(max_bytes=3))
    circle = [member("a", kind=tarfile.SYMTYPE, link="b"), member("b", kind=tarfile.SYMTYPE, link="a")]
    refused(packed(circle, tmp_path / "circle.tar.gz"), tmp_path, "'a' is a link to 'b', which is not in the archive")
    both = [member("f/x", b"1"), member("g/y", b"1"), member("f", kind=tarfile.SYMTYPE, link="g")]
    refused(packed(both, tmp_path / "both.tar.gz"), tmp_path, "'f' is in the archive twice")
    folders = [member("f/x", b"1"), *[member(f"{n}", kind=tarfile.SYMTYPE, link="f") for n in range(9)]]
    refused(packed(folders, tmp_path / "many.tar.gz"), tmp_path, "more than 5 bytes", max_bytes=5)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (member("/etc/passwd", b"x"), "outside"),
        (member("../escape", b"x"), "outside"),
        (member("a/../../escape", b"x"), "outside"),
        (member("back\\slash", b"x"), "character"),
        (member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"), "link out of the model's folder"),
        (member("link", kind=tarfile.SYMTYPE, link="../good"), "link out of the model's folder"),
        (member("link", kind=tarfile.LNKTYPE, link="../good"), "link out of the model's folder"),
        (member("link", kind=tarfile.SYMTYPE, link="link"), "link to itself"),
        (member("link", kind=tarfile.SYMTYPE, link="nowhere"), "not in the archive"),
        (member("link", kind=tarfile.SYMTYPE, link="x" * 300), "longer"),
        (member("link", kind=tarfile.SYMTYPE, link="."), "a folder that holds it"),
        (member("good", kind=tarfile.SYMTYPE, link="./good"), "link to itself"),
        (member("device", kind=tarfile.CHRTYPE), "device"),
        (member("block", kind=tarfile.BLKTYPE), "device"),
        (member("pipe", kind=tarfile.FIFOTYPE), "device or pipe"),
        (member("/".join("d" * 40), b"x"), "nested"),
        (member("good", b"again"), "twice"),
        (member("good/below", b"x"), "below a file"),
        (member("good", kind=tarfile.DIRTYPE), "both"),
        (member(".", b"x"), "both"),
        (member("x" * 300, b"x"), "longer"),
    ],
    ids=lambda value: value[0].name[:20] if isinstance(value, tuple) else None,
)
def test_unsafe_members_are_refused_and_nothing_stays(tmp_path: Path, bad, message: str) -> None:
    refused(packed([member("good", b"1"), bad], tmp_path / "a.tar.gz"), tmp_path, message)


def test_limits_hold(tmp_path: Path) -> None:
    archive = packed([member(f"f{index}", b"x" * 1000) for index in range(10)], tmp_path / "a.tar.gz")
    refused(archive, tmp_path, "more than 9 files", max_files=9)
    refused(archive, tmp_path, "more than 9999 bytes", max_bytes=9999)
    extract_archive(archive, tmp_path / "out", ArchiveLimits(max_files=10, max_bytes=10_000))


def test_a_bomb_is_refused_before_it_expands(tmp_path: Path) -> None:
    info, _ = member("zeros")
    info.size = 10 * 1024**4
    header = info.tobuf(tarfile.GNU_FORMAT)
    bomb = tmp_path / "bomb.tar.gz"
    bomb.write_bytes(gzip.compress(header + bytes(50_000_000), 1))
    refused(bomb, tmp_path, "expands to more", max_bytes=1_000_000)


def test_bytes_after_the_end_of_the_archive_count_too(tmp_path: Path) -> None:
    archive = packed([member("a", b"1")], tmp_path / "a.tar.gz")
    archive.write_bytes(archive.read_bytes() + gzip.compress(bytes(60_000_000), 1))
    refused(archive, tmp_path, "expands to more", max_bytes=1_000_000, max_files=10)


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    info, _ = member("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**31
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4096)))
    refused(archive, tmp_path, "header of the archive claims")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    whole = packed([member("a", os.urandom(3000)), member("b", b"2")], tmp_path / "a.tar.gz").read_bytes()
    archive = tmp_path / "a.tar.gz"
    for size in [*range(0, len(whole) - 1, 97), len(whole) - 1]:
        archive.write_bytes(whole[:size])
        refused(archive, tmp_path, "damaged|malformed|cut off")


def test_other_files_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    for content in (b"", b"PK\x03\x04 a zip", gzip.compress(b"no tar"), gzip.compress(b"x" * 4096)):
        archive.write_bytes(content)
        refused(archive, tmp_path, "damaged")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30) | st.sampled_from(
    ["..", "../a", "/a", "a/../b", ".", "./a", "a//b", "a/", "\x00", "c\\d", "~"]
)
KINDS = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE]
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    members=st.lists(st.tuples(NAMES, KINDS, st.binary(max_size=50), NAMES), max_size=6),
    flip=st.none() | st.tuples(st.integers(0, 2000), st.integers(1, 255)),
)
def test_whatever_is_inside_nothing_leaves_the_folder(tmp_path_factory: pytest.TempPathFactory, members, flip) -> None:
    root = tmp_path_factory.mktemp("archive")
    archive = root / "a.tar.gz"
    packed(
        [
            member(name, content if kind == tarfile.REGTYPE else b"", kind, link)
            for name, kind, content, link in members
        ],
        archive,
    )
    if flip is not None:
        data = bytearray(archive.read_bytes())
        data[flip[0] % len(data)] ^= flip[1]
        archive.write_bytes(data)
    out = root / "models" / "out"
    try:
        extract_archive(archive, out)
    except ArchiveError:
        assert not out.exists()
    else:
        assert not [path for path in out.rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())]
    assert {path.name for path in root.iterdir()} == {"a.tar.gz", "models"}
    assert {path.name for path in (root / "models").iterdir()} <= {"out"}


LONG = "/".join(["x" * 200] * 20)


def test_a_path_longer_than_the_system_takes_is_refused(tmp_path: Path) -> None:
    members = [member("net.onnx", b"x"), member(LONG, b"x")]
    refused(packed(members, tmp_path / "a.tar.gz"), tmp_path, "is a path of 4019 bytes; at most 3072 are allowed")
    folder = packed([member(LONG, kind=tarfile.DIRTYPE)], tmp_path / "b.tar.gz")
    refused(folder, tmp_path, "is a path of 4019 bytes")


def test_links_that_add_up_to_such_a_path_are_refused(tmp_path: Path) -> None:
    half = "/".join(["x" * 200] * 10)
    members = [member(f"{half}/file", b"x"), member("y" * 200 + f"/{half}", kind=tarfile.SYMTYPE, link=f"/{half}"[1:])]
    members[1][0].linkname = "../" * 10 + half.split("/", maxsplit=1)[0]
    refused(packed(members, tmp_path / "a.tar.gz"), tmp_path, "is a path of .* bytes; at most 3072")


def test_the_longest_path_that_is_allowed_comes_out(tmp_path: Path) -> None:
    name = "/".join(["x" * 200] * 15)
    extract_archive(packed([member(name, b"x")], tmp_path / "a.tar.gz"), tmp_path / "out")
    assert tree(tmp_path / "out") == {name: b"x"}


def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    archive = packed([member("weights.bin", os.urandom(300_000))], tmp_path / "a.tar.gz")
    with largest_file(100_000), pytest.raises(OSError, match="weights"):
        extract_archive(archive, tmp_path / "models" / "out")
    assert list((tmp_path / "models").iterdir()) == []
