"""Deterministic archives: the same content gives the same bytes, whatever the machine's times, owners and modes."""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from container.model_server.artifact.files import model_files
from container.model_server.errors import InvalidArtifact
from model_catalog.errors import CatalogError

COMPRESSION_LEVEL = 6


@dataclass(frozen=True, order=True)
class ArchiveEntry:
    """A file or symbolic link of an archive."""

    path: str
    """In the archive, relative, with forward slashes."""
    source: Path
    executable: bool = False
    link_target: str | None = None


@dataclass(frozen=True)
class Packed:
    """What was written."""

    sha256: str
    size_bytes: int


def pack_folder(folder: Path, destination: BinaryIO) -> Packed:
    """Pack a model's folder into a `.tar.gz`: its files only, all with mode 0644, and the content of links.

    Hidden files stay out, and what macOS and Python leave behind.

    Raises:
        CatalogError: a link leads out of the folder, or something is neither file nor folder.
    """
    return write_archive(_entries(folder), destination)


def write_archive(entries: Iterable[ArchiveEntry], destination: BinaryIO) -> Packed:
    """Write a `.tar.gz` of the entries, sorted by path, with fixed times, owners and modes."""
    output = _Digesting(destination)
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION_LEVEL, fileobj=output, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry in sorted(entries):
            member = tarfile.TarInfo(entry.path)
            if entry.link_target is not None:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link_target, 0o777
                archive.addfile(member)
                continue
            member.mode = 0o755 if entry.executable else 0o644
            with entry.source.open("rb") as file:
                member.size = os.fstat(file.fileno()).st_size
                archive.addfile(member, file)
    return Packed(output.digest.hexdigest(), output.size_bytes)


def _entries(folder: Path) -> list[ArchiveEntry]:
    try:
        return [ArchiveEntry(path, source) for path, source in model_files(folder)]
    except InvalidArtifact as error:
        raise CatalogError(f"{error}.") from error


class _Digesting(io.RawIOBase):
    """Passes everything on, and keeps the digest and the size of what went through."""

    def __init__(self, destination: BinaryIO) -> None:
        self._destination = destination
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._destination.write(data)
        self.digest.update(data)
        self.size_bytes += len(data)
        return len(data)
