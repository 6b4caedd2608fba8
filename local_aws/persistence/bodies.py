"""The contents of S3's objects: a file each, written once, however often the account is saved.

moto's objects are pickled without their contents; where one had its content, the pickle names the file.
"""

import os
import secrets
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moto.s3.models import FakeKey

from ..content import ContentFile
from .errors import UnreadableStateError
from .folder import StateFolder, open_own

_MARK = "kept_as"
_PIECE_BYTES = 2**20
_REMEDY = "Remove the folder to begin with an empty account."


@dataclass(frozen=True)
class Body:
    """A file of the folder `bodies`, or its first `size` bytes."""

    name: str
    size: int


class BodyWriter:
    """Names contents while an account is captured, and writes those that have no file yet afterwards."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._written: dict[str, int] = {}
        self._pending: dict[str, tuple[bytes | ContentFile, int]] = {}
        self._used: set[str] = set()

    def begin(self) -> None:
        """Before an account is captured."""
        self._pending.clear()
        self._used.clear()

    def of_key(self, key: FakeKey) -> Body:
        """The content that an object of moto's holds itself."""
        size, etag = key.contentsize, key.etag
        name, *marked = vars(key).get(_MARK, (None,))
        if name is None or marked != [size, etag]:  # a new object, or its content is another one by now
            name = secrets.token_hex(16)
            vars(key)[_MARK] = (name, size, etag)
        self._use(name, size, lambda: key.value)
        return Body(name, size)

    def of_file(self, file: ContentFile) -> Body:
        """The content of a file that only grows."""
        name = vars(file).setdefault(_MARK, secrets.token_hex(16))
        size = file.size
        self._use(name, size, lambda: file)
        return Body(name, size)

    def know(self, body: Body, owner: Any) -> None:
        """`owner` was read from `body`, so need not be written."""
        self._written[body.name] = body.size
        if isinstance(owner, ContentFile):
            vars(owner)[_MARK] = body.name

    def write(self) -> None:
        """Write what is new. Raises OSError."""
        for name, (source, size) in self._pending.items():
            pieces = [source] if isinstance(source, bytes) else _pieces(source, size)
            self._folder.write(self._folder.bodies / name, pieces)
            self._written[name] = size
        self._pending.clear()

    def forget_unused(self) -> None:
        """Remove the files that nothing named since `begin`."""
        self._folder.remove_others(self._folder.bodies, self._used)
        self._written = {name: size for name, size in self._written.items() if name in self._used}

    def _use(self, name: str, size: int, read: Any) -> None:
        self._used.add(name)
        if self._written.get(name, -1) < size and name not in self._pending:
            self._pending[name] = (read(), size)


class BodyReader:
    """Gives contents back. `writer` gets to know what is there."""

    def __init__(self, folder: StateFolder, writer: BodyWriter) -> None:
        self._folder = folder
        self._writer = writer

    def bytes_of(self, body: Body) -> bytes:
        """Raises UnsafeStateError, UnreadableStateError."""
        with self._open(body) as file:
            content = file.read(body.size)
        self._writer.know(body, None)
        return content

    def file_of(self, body: Body) -> ContentFile:
        """Raises as `bytes_of`."""
        file = ContentFile(self._open(body), body.size)
        self._writer.know(body, file)
        return file

    def _open(self, body: Body) -> Any:
        path = self._folder.bodies / body.name
        try:
            file = open_own(path)
        except FileNotFoundError:
            raise UnreadableStateError(path, "the content of an S3 object is missing", _REMEDY) from None
        if os.fstat(file.fileno()).st_size < body.size:
            file.close()
            raise UnreadableStateError(path, "the content of an S3 object is not complete", _REMEDY)
        return file


def state_of(key: FakeKey, bodies: BodyWriter) -> dict[str, Any]:
    """An object of moto's without what cannot be saved; its content is named under `kept_body`."""
    body = None
    if not key.disposed and vars(key).get("content") is None:
        body = bodies.of_key(key)
    left_out = ("_value_buffer", "lock")
    return {**{name: value for name, value in vars(key).items() if name not in left_out}, "kept_body": body}


def fill_key(key: FakeKey, state: dict[str, Any]) -> None:
    """Make `key` what `state_of` described; `kept_body` is its content by now."""
    content = state.pop("kept_body")
    vars(key).update(state)
    key.lock = threading.Lock()
    key._value_buffer = tempfile.SpooledTemporaryFile(key._max_buffer_size)  # noqa: SIM115 - moto closes it
    if key.disposed:
        key._value_buffer.close()
    elif content is not None:
        key._value_buffer.write(content)


def _pieces(file: ContentFile, size: int) -> Iterable[bytes]:
    for position in range(0, size, _PIECE_BYTES):
        yield file.read(min(_PIECE_BYTES, size - position), position)
