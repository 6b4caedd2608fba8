"""Optimised forms of ONNX models on disk: where they lie, and which of them may be trusted.

A form is what ONNX Runtime made of a model's file on this kind of processor: a graph, and its weights in a file beside
it, which sessions map. All processes that load it share these pages with the page cache.

    FOLDER/<runtime>/<sample>/<sha256 of the model's file>/{form.json, graph.onnx, weights.bin, seen}

`runtime` names the version of ONNX Runtime and the processor's features, `sample` is a quick fingerprint, so that a
model never seen before costs no hash of the whole file. The folder belongs to the server's user alone, and no artifact
can put a form there. A form is written beside its place and renamed, so that others see all of it or nothing.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from ...artifact.signature import TensorSpec

_log = logging.getLogger(__name__)
_LAYOUT = "2"
GRAPH, WEIGHTS = "graph.onnx", "weights.bin"
_DETAILS, _SEEN = "form.json", "seen"
_UNFINISHED = ".unfinished-"
_SAMPLES, _SAMPLE_BYTES = 16, 4096
# A file changed within one tick of the clock keeps its time stamp: only an older stamp says that it is the same.
_SETTLED_SECONDS = 2.0
# The server is not to fill a disk that others need: this share of it stays free.
_FREE_SHARE = 0.1


class Ran(BaseModel):
    """A run of made-up instances: of these inputs, and the type and shape of each output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[TensorSpec, ...]
    outputs: dict[str, tuple[str, tuple[int, ...]]]


class Form(BaseModel):
    """What is known of a form.

    `direct_because` is empty for one that may be used; else it says why the model is loaded from its own file, and no
    graph is there. `prepack`: sessions arrange the weights once more for themselves, where runs are slower otherwise.
    `ran`: the run that showed that it works.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    direct_because: str = ""
    prepack: bool = False
    ran: Ran | None = None
    graph_sha256: str = ""
    weights: tuple[int, int, int] | None = None
    """Size, and times of change, of the file with the weights: nobody wrote to it since. None where there is none."""


class FormFolder:
    """The forms of one machine.

    Args:
        folder: made where it is missing.
        limit_bytes: of all forms together; those that were not used the longest go.
        runtime: version of ONNX Runtime.

    Raises OSError for a folder that cannot be made, or that others could write to.
    """

    def __init__(self, folder: Path, limit_bytes: int, runtime: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
            raise PermissionError(f"{folder} must be a folder of the server's user with the mode 0700")
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._runtime = folder / f"{runtime}-{_processor()}"

    def find(self, model: Path) -> tuple[Path, Form] | None:
        """The form of a model's file, and the folder it is in; None where there is none, or a damaged one, which is
        removed. Raises OSError when the model's file cannot be read."""
        samples = self._runtime / sample(model)
        try:
            candidates = sorted(path.name for path in samples.iterdir())
        except FileNotFoundError:
            return None
        for name in candidates:
            if name.startswith(_UNFINISHED):
                continue
            if self._is_seen(samples / name, model) or self._is_of(samples / name, model):
                return self._checked(samples / name)
        return None

    def _is_seen(self, place: Path, model: Path) -> bool:
        with contextlib.suppress(OSError):
            return (place / _SEEN).read_text() == _identity(model)
        return False

    def _is_of(self, place: Path, model: Path) -> bool:
        identity = _identity(model)
        with model.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != place.name:
                return False
        state = model.stat()
        if time.time() - max(state.st_mtime, state.st_ctime) > _SETTLED_SECONDS and _identity(model) == identity:
            with contextlib.suppress(OSError):
                _replace(place / _SEEN, identity.encode())
        return True

    def _checked(self, place: Path) -> tuple[Path, Form] | None:
        try:
            form = Form.model_validate_json((place / _DETAILS).read_bytes())
            if not form.direct_because:
                if hashlib.sha256((place / GRAPH).read_bytes()).hexdigest() != form.graph_sha256:
                    raise ValueError(f"{GRAPH} is not what was written")
                if _weights(place) != form.weights:
                    raise ValueError(f"{WEIGHTS} is not what was written")
            os.utime(place)
        except (OSError, ValueError, ValidationError) as error:
            if place.is_dir():  # else it was removed meanwhile
                self.discard(place, str(error))
            return None
        return place, form

    def discard(self, place: Path, reason: str) -> None:
        """Remove a form that cannot be used."""
        _log.warning("the optimised form %s is discarded, and made again: %s", place, reason)
        _remove(place)

    @contextlib.contextmanager
    def writing(self, content: bytes) -> Iterator[Path]:
        """An empty folder for the form of a model's content, to be finished with `finish`. What is left there is
        removed."""
        samples = self._runtime / _sample_of(content)
        samples.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=samples))
        with _lock(folder):
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def finish(self, folder: Path, content: bytes, form: Form) -> None:
        """Put a written form in its place. One that another process has put there meanwhile stays.

        `form` gets what is known of the files. Raises OSError.
        """
        if not form.direct_because:
            graph = hashlib.sha256((folder / GRAPH).read_bytes()).hexdigest()
            form = form.model_copy(update={"graph_sha256": graph, "weights": _weights(folder)})
        (folder / _DETAILS).write_bytes(form.model_dump_json().encode())
        for path in [*folder.iterdir(), folder]:
            _sync(path)
        with contextlib.suppress(FileExistsError):
            try:
                folder.rename(folder.parent / hashlib.sha256(content).hexdigest())
            except OSError as error:
                if error.errno not in (17, 39):  # EEXIST, ENOTEMPTY: it is there
                    raise

    def make_room(self, needed_bytes: int) -> str:
        """Remove forms, the longest unused first, until so much may be written. Returns what stands against it, or
        an empty text."""
        if needed_bytes > self._limit_bytes:
            return f"the bound of all optimised forms is {self._limit_bytes} bytes"
        forms = sorted(self._all(), key=lambda entry: entry[1])
        total = sum(size for _, _, size in forms)
        while forms and (total + needed_bytes > self._limit_bytes or self._lacks(needed_bytes)):
            place, _, size = forms.pop(0)
            _remove(place)
            total -= size
        return "the disk has too little free space" if self._lacks(needed_bytes) else ""

    def _lacks(self, needed_bytes: int) -> bool:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize - needed_bytes < _FREE_SHARE * disk.f_blocks * disk.f_frsize

    def _all(self) -> Iterator[tuple[Path, float, int]]:
        """Each form with the time of its last use and its size. Removes what killed writers left."""
        for place in self._folder.glob("*/*/*"):
            with contextlib.suppress(OSError):
                used_at = place.stat().st_mtime
                if place.name.startswith(_UNFINISHED):
                    with _lock(place):
                        shutil.rmtree(place, ignore_errors=True)
                else:
                    yield place, used_at, sum(file.stat().st_size for file in place.iterdir())


def sample(model: Path) -> str:
    """A fingerprint of a file's size and some of its pages: files that differ in it differ."""
    with model.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _fingerprint(size, lambda offset: os.pread(file.fileno(), _SAMPLE_BYTES, offset))


def _sample_of(content: bytes) -> str:
    return _fingerprint(len(content), lambda offset: content[offset : offset + _SAMPLE_BYTES])


def _fingerprint(size: int, read: Callable[[int], bytes]) -> str:
    last = max(0, size - _SAMPLE_BYTES)
    digest = hashlib.sha256(str(size).encode())
    for number in range(_SAMPLES):
        digest.update(read(last * number // (_SAMPLES - 1)))
    return digest.hexdigest()[:32]


def _processor() -> str:
    """The layout of forms, and the processor's features: those decide how ONNX Runtime arranges weights."""
    features = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features", "model name", "CPU part")):
                features += line
            elif features and not line:
                break
    return hashlib.sha256(f"{_LAYOUT} {platform.machine()} {features}".encode()).hexdigest()[:16]


def _identity(model: Path) -> str:
    state = model.stat()
    return orjson.dumps([state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]).decode()


def _weights(folder: Path) -> tuple[int, int, int] | None:
    try:
        state = (folder / WEIGHTS).stat()
    except FileNotFoundError:
        return None
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def _remove(place: Path) -> None:
    """Out of the way first, so that nobody finds half of it. Sessions that have mapped it keep their pages."""
    away = place.with_name(f"{_UNFINISHED}{place.name}-{os.getpid()}")
    with contextlib.suppress(OSError):
        place.rename(away)
    shutil.rmtree(away, ignore_errors=True)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold a folder that is being written: the lock ends with the process. Raises OSError where another holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
