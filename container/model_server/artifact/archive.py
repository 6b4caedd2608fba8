"""Safe extraction of model artifacts (`.tar.gz`), and nothing else about them.

An archive is input from outside: it may name absolute or parent paths, links or devices, claim sizes it does not
have, or expand to terabytes. Extraction writes regular files and folders below one directory, or nothing at all; in
the place of a link it writes the file that the link leads to, where that is in the archive.
"""

import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_COPY_BYTES = 256 * 1024
# A tar header (a long name, PAX attributes) is read in one piece. Real ones are a few kilobytes.
_MAX_HEADER_BYTES = 1024 * 1024
# Linux takes paths of 4,096 bytes. The folder that the model is extracted to needs some of them.
_MAX_PATH_BYTES = 3072


class ArchiveError(ValueError):
    """The archive is damaged or not safe to extract. The message is one sentence that names the member."""


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may expand to.

    `max_bytes`: all files together, uncompressed. `max_files`: files and folders. `max_depth`: nested folders.
    """

    max_bytes: int = 16 * 1024**3
    max_files: int = 10_000
    max_depth: int = 32


DEFAULT_LIMITS = ArchiveLimits()


class _BoundedReader:
    """The decompressed stream, counted: refuses to give more than the limits allow, in one read or in all."""

    def __init__(self, stream: gzip.GzipFile, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    def read(self, size: int) -> bytes:
        if size > _MAX_HEADER_BYTES:
            raise ArchiveError(f"a header of the archive claims {size} bytes; at most {_MAX_HEADER_BYTES} are allowed")
        data = self._stream.read(size)
        if self._stream.tell() > self._max_bytes:
            raise ArchiveError(f"the archive expands to more than {self._max_bytes} bytes")
        return data

    def seek(self, position: int) -> int:
        # tarfile seeks over a member's data; a claimed size beyond the limit must not make us decompress it all.
        if position > self._max_bytes:
            raise ArchiveError(f"the archive expands to more than {self._max_bytes} bytes")
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()


def extract_archive(archive: Path, directory: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> None:
    """Extract a gzip-compressed tar into `directory`, which must not exist or be empty.

    All or nothing: the files appear under `directory` only after the whole archive proved sound. Files get mode
    0644 (0755 where the owner may execute), folders 0755; owners and times of the archive are not taken over.

    Raises ArchiveError for anything unsafe, damaged or beyond `limits`; OSError where the disk fails.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name[:64]}.") as staging:
        root = Path(staging) / "content"
        root.mkdir()
        with archive.open("rb") as file:
            _extract(file, root, limits)
        # mkdtemp makes its folders private; the model's own folder is as readable as any other.
        root.chmod(0o755)
        if directory.is_dir():
            directory.rmdir()  # only an empty folder may be replaced; OSError otherwise
        root.rename(directory)


def _extract(file: BinaryIO, root: Path, limits: ArchiveLimits) -> None:
    # Headers and padding come on top of the files' own bytes.
    stream_limit = limits.max_bytes + limits.max_files * 4096 + 65536
    try:
        with (
            gzip.GzipFile(fileobj=file) as stream,
            tarfile.open(fileobj=_BoundedReader(stream, stream_limit), mode="r:", errorlevel=1) as tar,  # type: ignore[call-overload]
        ):
            total_bytes = 0
            links: list[tarfile.TarInfo] = []
            for count, member in enumerate(tar, start=1):
                if count > limits.max_files:
                    raise ArchiveError(f"the archive holds more than {limits.max_files} files")
                total_bytes += member.size if member.isreg() else 0
                if total_bytes > limits.max_bytes:
                    raise ArchiveError(f"the archive expands to more than {limits.max_bytes} bytes")
                if member.issym() or member.islnk():
                    _safe_parts(member.name, limits)
                    links.append(member)
                else:
                    _extract_member(tar, member, root, limits)
            _follow_links(links, root, limits, total_bytes)
            # Reading on to the end verifies gzip's checksum, and finds bytes cut off after the last member.
            while stream.read(_COPY_BYTES):
                if stream.tell() > stream_limit:
                    raise ArchiveError(f"the archive expands to more than {limits.max_bytes} bytes")
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ArchiveError(f"the archive is damaged or not a .tar.gz: {error}") from error
    except (UnicodeError, OverflowError, ValueError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"a header of the archive is malformed: {error}") from error


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, limits: ArchiveLimits) -> None:
    target = root.joinpath(*_safe_parts(member.name, limits))
    if member.isdir():
        if target.is_file():
            raise ArchiveError(f"{member.name!r} is both a file and a folder")
        _make_folder(target, member.name)
    elif member.isreg() and not member.issparse():
        if target == root or target.is_dir():
            raise ArchiveError(f"{member.name!r} is both a file and a folder")
        if target.exists():
            raise ArchiveError(f"{member.name!r} is in the archive twice")
        _make_folder(target.parent, member.name)
        source = tar.extractfile(member)
        if source is None:
            raise ArchiveError(f"{member.name!r} has no content")
        mode = 0o755 if member.mode & 0o100 else 0o644
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            with os.fdopen(descriptor, "wb") as output:
                shutil.copyfileobj(source, output, _COPY_BYTES)
        except OSError as error:
            if error.errno is None or error.filename is not None:
                raise  # gzip's, of a damaged archive
            raise type(error)(error.errno, error.strerror, str(target)) from error  # a full disk: writing names no file
        if target.stat().st_size != member.size:
            raise ArchiveError(f"{member.name!r} is cut off: {target.stat().st_size} of {member.size} bytes")
    else:
        raise ArchiveError(f"{member.name!r} is a {_kind(member)}; only files and folders are allowed")


def _follow_links(links: list[tarfile.TarInfo], root: Path, limits: ArchiveLimits, total_bytes: int) -> None:
    """Put what each link leads to in the link's place. Links that lead to other links wait for those."""
    places = {root.joinpath(*_safe_parts(link.name, limits)): link for link in links}
    if len(places) < len(links):
        raise ArchiveError("the archive holds a link twice")
    count = 0
    while places:
        followed = []
        for target, link in places.items():
            source = root.joinpath(*_link_target(link, limits))
            if source == target or source in target.parents:
                raise ArchiveError(f"{link.name!r} is a link to itself, or to a folder that holds it")
            if not source.exists() or any(source in place.parents for place in places if place != target):
                continue
            if target.exists():
                raise ArchiveError(f"{link.name!r} is in the archive twice")
            for file in [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file()):
                count, total_bytes = count + 1, total_bytes + file.stat().st_size
                if count > limits.max_files:
                    raise ArchiveError(f"the archive holds more than {limits.max_files} files")
                if total_bytes > limits.max_bytes:
                    raise ArchiveError(f"the archive expands to more than {limits.max_bytes} bytes")
                place = target if file == source else target / file.relative_to(source)
                _refuse_long_path(place.relative_to(root).as_posix())
                _make_folder(place.parent, link.name)
                os.link(file, place)
            followed.append(target)
        if not followed:
            link = next(iter(places.values()))
            raise ArchiveError(f"{link.name!r} is a link to {link.linkname!r}, which is not in the archive")
        for target in followed:
            del places[target]


def _link_target(link: tarfile.TarInfo, limits: ArchiveLimits) -> tuple[str, ...]:
    """Where a link leads, from the archive's top level. A symbolic link starts at its own folder."""
    start = PurePosixPath(link.name).parent if link.issym() else PurePosixPath()
    parts: list[str] = []
    for part in (start / link.linkname).parts:
        if part == "/" or (part == ".." and not parts):
            raise ArchiveError(f"{link.name!r} is a link out of the model's folder")
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return _safe_parts("/".join(parts), limits)


def _make_folder(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveError(f"{name!r} lies below a file") from error


def _safe_parts(name: str, limits: ArchiveLimits) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if "\x00" in name or "\\" in name:
        raise ArchiveError(f"{name!r} holds a character that no file name of a model may hold")
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"{name!r} points outside the model's folder")
    if len(path.parts) > limits.max_depth:
        raise ArchiveError(f"{name[:80]!r} is nested deeper than {limits.max_depth} folders")
    if any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in path.parts):
        raise ArchiveError(f"{name[:80]!r} is longer than a file name may be")
    _refuse_long_path(path.as_posix())
    return path.parts


def _refuse_long_path(path: str) -> None:
    size = len(path.encode("utf-8", "surrogateescape"))
    if size > _MAX_PATH_BYTES:
        raise ArchiveError(f"{path[:80]!r}... is a path of {size} bytes; at most {_MAX_PATH_BYTES} are allowed")


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdev():
        return "device or pipe"
    return "special file"
