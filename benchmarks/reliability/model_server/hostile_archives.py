"""Archives that were made to harm: by the server's own extraction, and by `model_catalog add`."""

import gzip
import io
import random
import shutil
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from container.model_server.artifact.archive import ArchiveError, ArchiveLimits, extract_archive
from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError

_LIMIT_SECONDS = 20.0
_LIMITS = ArchiveLimits(max_bytes=32 << 20, max_files=500)
_CANARY = b"untouched"


def run(ground: Ground) -> list[Finding]:
    """500 hostile archives."""
    count = ground.count(500, 60)
    outcomes: Counter[str] = Counter()
    complaints: list[str] = []
    longest = 0.0
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for number in range(count):
            folder = ground.directory / f"archive-{number}"
            try:
                kind, seen, found, seconds = pool.submit(_attack, ground.seed, number, folder).result(_LIMIT_SECONDS)
            except TimeoutError:
                complaints.append(f"archive {number}: not done within {_LIMIT_SECONDS:g} s")
                break
            outcomes.update(f"{way} {outcome}" for way, outcome in seen.items())
            complaints += [f"archive {number} ({kind}): {complaint}" for complaint in found]
            longest = max(longest, seconds)
    text = ", ".join(f"{number} x {outcome}" for outcome, number in sorted(outcomes.items()))
    return [
        Finding(
            f"{count} hostile archives ({', '.join(sorted(kind.__name__.strip('_') for kind in _KINDS))}), each "
            "extracted and added to a catalog",
            f"nothing outside the folder, no link or device in it, nothing after a refusal, none over "
            f"{_LIMIT_SECONDS:g} s, no error but a refusal with its reason",
            f"{text}; the longest took {longest:.2f} s; {len(complaints)} violations",
            tuple(complaints[:20]),
            {"outcomes": dict(outcomes)},
        )
    ]


def _attack(seed: int, number: int, folder: Path) -> tuple[str, dict[str, str], list[str], float]:
    """Make one archive and try it both ways."""
    chance = random.Random(f"{seed} archive {number}")
    kind = _KINDS[number % len(_KINDS)]
    folder.mkdir()
    (folder / "canary").write_bytes(_CANARY)
    archive = folder / "model.tar.gz"
    archive.write_bytes(kind(chance, folder))
    start = time.monotonic()
    seen, complaints = {}, []
    for way, attempt in (("extracted", _extract), ("added", _add)):
        try:
            attempt(archive, folder)
            seen[way] = "taken"
        except (ArchiveError, CatalogError) as error:
            seen[way] = "refused"
            if not str(error).strip() or "\n  File" in str(error):
                complaints.append(f"{way}: refused without a reason: {error!r}")
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            seen[way] = "failed"
            complaints.append(f"{way}: {error!r}"[:300])
    seconds = time.monotonic() - start
    complaints += _outside(folder, seen["extracted"] == "taken")
    shutil.rmtree(folder)
    return kind.__name__.strip("_"), seen, complaints, seconds


def _extract(archive: Path, folder: Path) -> None:
    extract_archive(archive, folder / "models" / "out", _LIMITS)


def _add(archive: Path, folder: Path) -> None:
    Catalog(folder / "catalog", 1).add("hostile", archive)


def _outside(folder: Path, taken: bool) -> list[str]:
    complaints = []
    if (folder / "canary").read_bytes() != _CANARY:
        complaints.append("a file outside was changed")
    strange = {path.name for path in folder.iterdir()} - {"canary", "model.tar.gz", "models", "catalog"}
    if strange:
        complaints.append(f"outside the folder: {sorted(strange)}")
    out = folder / "models"
    held = {path.name for path in out.iterdir()} if out.exists() else set()
    if held - ({"out"} if taken else set()):
        complaints.append(f"left behind: {sorted(held)}")
    for path in out.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            complaints.append(f"neither file nor folder: {path.relative_to(out)}")
    return complaints


def _member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(content)
    return info, content


def _packed(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


_GOOD = ("net-symbol.json", b"{}")


def _traversal(chance: random.Random, folder: Path) -> bytes:
    name = chance.choice(
        (
            "../canary",
            "a/../../canary",
            f"{folder}/canary",
            "./../canary",
            "..\\canary",
            "a/./../../canary",
            "/canary21",
        )
    )
    return _packed([_member(*_GOOD), _member(name, b"overwritten")])


def _links(chance: random.Random, folder: Path) -> bytes:
    target = chance.choice(("..", "../canary", "../../canary", str(folder), f"{folder}/canary", "/etc/passwd", "loop"))
    kind = chance.choice((tarfile.SYMTYPE, tarfile.LNKTYPE))
    members = [_member("loop", kind=kind, link=target), _member("loop/canary", b"overwritten"), _member(*_GOOD)]
    if chance.random() < 0.5:
        members.append(_member("canary", kind=tarfile.SYMTYPE, link="loop/../canary"))
    chance.shuffle(members)
    return _packed(members)


def _devices(chance: random.Random, _: Path) -> bytes:
    kind = chance.choice((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE))
    return _packed([_member(*_GOOD), _member("device", kind=kind, mode=0o6777)])


def _bombs(chance: random.Random, _: Path) -> bytes:
    info, _content = _member("zeros")
    info.size = chance.choice((10 << 40, 64 << 20, 2**33 - 1))
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(chance.choice((1 << 20, 64 << 20))), 1)


def _many(chance: random.Random, _: Path) -> bytes:
    depth = chance.choice((1, 40, 3))
    return _packed([_member("/".join([f"d{number}"] * depth), kind=tarfile.DIRTYPE) for number in range(501)])


def _long_paths(chance: random.Random, _: Path) -> bytes:
    part = "x" * chance.choice((50, 200, 255, 300)) + chance.choice(("", "\u00e9" * 20))
    return _packed([_member("/".join([part] * chance.choice((14, 21, 30, 100))), b"x"), _member(*_GOOD)])


def _names(chance: random.Random, _: Path) -> bytes:
    name = chance.choice(
        ("a\x01b", "a\nb", "\u202egnp.exe", "~root", "-rf", "con", "a:b", " ", "\udcff", ".", "a//b", "*")
    )
    return _packed([_member(name, b"x"), _member(name.upper(), b"y"), _member(name, b"z")])


def _pax(chance: random.Random, folder: Path) -> bytes:
    info, content = _member("innocent", b"overwritten")
    info.pax_headers = chance.choice(
        (
            {"path": "../canary"},
            {"path": f"{folder}/canary"},
            {"linkpath": "../canary"},
            {"size": "99999999999999"},
            {"size": "-5"},
            {"mtime": "nan"},
            {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" * 15},
            {"GNU.sparse.map": "0,1,99999999999,5", "GNU.sparse.size": "9" * 13},
            {"uid": "x" * 100},
        )
    )
    return _packed([(info, content), _member(*_GOOD)])


def _clash(chance: random.Random, _: Path) -> bytes:
    members = [_member("a", b"1"), _member("a/b", b"2"), _member("a", kind=tarfile.DIRTYPE), _member("./a", b"3")]
    chance.shuffle(members)
    return _packed(members[: chance.randint(2, 4)])


def _truncated(chance: random.Random, _: Path) -> bytes:
    whole = _packed([_member(*_GOOD), _member("weights", chance.randbytes(3000))])
    return whole[: chance.randrange(len(whole))]


def _flipped(chance: random.Random, _: Path) -> bytes:
    packed = bytearray(_packed([_member(*_GOOD), _member("weights", chance.randbytes(3000))]))
    if chance.random() < 0.5:  # in the tar itself, below a sound gzip
        packed = bytearray(gzip.decompress(packed))
    for _number in range(chance.randint(1, 20)):
        packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
    return bytes(packed) if packed[:2] == b"\x1f\x8b" else gzip.compress(bytes(packed), 1)


def _not_archives(chance: random.Random, _: Path) -> bytes:
    return chance.choice((b"", b"PK\x03\x04" + bytes(100), chance.randbytes(5000), gzip.compress(bytes(99)), _nested()))


def _nested() -> bytes:
    inner = _packed([_member("../canary", b"overwritten")])
    return _packed([_member("inner.tar.gz", inner), _member("inner.tar", inner)])


_KINDS: tuple[Callable[[random.Random, Path], bytes], ...] = (
    _traversal,
    _links,
    _devices,
    _bombs,
    _many,
    _long_paths,
    _names,
    _pax,
    _clash,
    _truncated,
    _flipped,
    _not_archives,
)
