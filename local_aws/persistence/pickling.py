"""Pickles of moto's objects that hold nothing else, and that nothing else is loaded from.

A pickle can name any function of any module to be called when it is loaded. Here only classes are loaded, and only
moto's, those listed, and what stands in for objects that cannot be pickled: locks, private keys, contents of objects.
What could not be loaded again is refused when it is saved.
"""

import importlib
import io
import pickle
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from moto.cloudwatch.models import Alarm
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.s3.models import FakeKey, FakeMultipart
from moto.s3.utils import _VersionedKeyStore

from ..cloudwatch.alarm_request import watched_alarm
from ..content import Content, ContentFile
from .bodies import Body, BodyReader, BodyWriter, fill_key, state_of

_PROTOCOL = 5
_LOCKS = {type(threading.Lock()): "new_lock", type(threading.RLock()): "new_rlock"}
LISTED = {
    "builtins": {"bytearray", "complex", "dict", "frozenset", "list", "object", "range", "set", "slice", "tuple"},
    "collections": {"OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "ipaddress": {"IPv4Address", "IPv4Network"},
    "re": {"Pattern", "_compile"},
    "requests.structures": {"CaseInsensitiveDict"},
    "types": {"SimpleNamespace"},
    "uuid": {"UUID"},
    "local_aws.cloudwatch.history": {"HistoryItem"},
    Content.__module__: {"Content", "Segment"},
    __name__: {"new_lock", "new_rlock", "new_object", "mapping", "private_key", "versions", "alarm"},
    fill_key.__module__: {"fill_key"},
}
"""What may be loaded besides moto's classes. Each is harmless whatever it is called with."""


Place = tuple[str, str, str]
"""Of a backend: the name of its BackendDict (see moto_state), account and region."""


class NotKeptError(Exception):
    """An object holds what cannot be saved; the text says what."""


class MotoPickler(pickle.Pickler):
    """`places`: how the process that loads finds a backend, by the backend's id()."""

    def __init__(self, file: io.BytesIO, bodies: BodyWriter, places: Mapping[int, Place]) -> None:
        super().__init__(file, _PROTOCOL)
        self._bodies = bodies
        self._places = places

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        """Backends are those of the process that loads; contents are in files."""
        if isinstance(obj, BaseBackend):
            if id(obj) not in self._places:
                raise NotKeptError(f"{type(obj).__qualname__}, which belongs to no account")
            return "backend", *self._places[id(obj)]
        if isinstance(obj, Body):
            return "bytes", obj.name, obj.size
        if isinstance(obj, ContentFile):
            body = self._bodies.of_file(obj)
            return "file", body.name, body.size
        return None

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        reduced = self._reduced(obj, kind)
        if reduced is None:
            named = obj if isinstance(obj, (type, FunctionType, BuiltinFunctionType)) else kind
            if isinstance(obj, (BackendDict, AccountSpecificBackend)) or not _may_load(named):
                raise NotKeptError(f"{named.__module__}.{named.__qualname__}")
            return NotImplemented
        return reduced

    def _reduced(self, obj: Any, kind: type) -> tuple[Any, ...] | None:
        """What is called to make `obj` again, with which arguments; None for what pickle makes itself."""
        reduced: tuple[Any, ...] | None = None
        if kind in _LOCKS:
            reduced = globals()[_LOCKS[kind]], ()
        elif isinstance(obj, FakeKey):
            reduced = new_object, (kind,), state_of(obj, self._bodies), None, None, fill_key
        elif isinstance(obj, FakeMultipart):  # it takes another file for what comes after the restart
            reduced = new_object, (kind,), {name: value for name, value in vars(obj).items() if name != "content_file"}
        elif isinstance(obj, _VersionedKeyStore):  # a dictionary whose items() gives the last versions only
            reduced = versions, ({key: obj.getlist(key) for key in list(obj)},)
        elif isinstance(obj, Alarm):  # what is watched is read from the request again
            reduced = alarm, ({name: value for name, value in vars(obj).items() if name != "watched"},)
        elif isinstance(obj, defaultdict) and not _may_load(obj.default_factory):
            reduced = dict, (dict(obj),)  # the loading process has its factory
        elif isinstance(obj, defaultdict) and kind is not defaultdict:  # whatever its constructor takes
            reduced = mapping, (kind, obj.default_factory, dict(obj), dict(vars(obj)))
        elif kind.__module__.startswith("cryptography.") and hasattr(obj, "private_bytes"):
            reduced = private_key, (obj.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),)
        return reduced


class MotoUnpickler(pickle.Unpickler):
    """`backend_of`: the backend of a BackendDict's name, an account and a region."""

    def __init__(
        self, file: io.BytesIO, bodies: BodyReader, backend_of: Callable[[str, str, str], BaseBackend]
    ) -> None:
        super().__init__(file)
        self._bodies = bodies
        self._backend_of = backend_of

    def persistent_load(self, pid: tuple[Any, ...]) -> Any:
        kind, *rest = pid
        if kind == "backend":
            return self._backend_of(*rest)
        body = Body(*rest)
        return self._bodies.file_of(body) if kind == "file" else self._bodies.bytes_of(body)

    def find_class(self, module: str, name: str) -> Any:
        if name in LISTED.get(module, ()):
            return getattr(importlib.import_module(module), name)
        if module.startswith("moto."):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__.startswith("moto."):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is nothing that an account holds")


def new_lock() -> Any:
    return threading.Lock()


def new_rlock() -> Any:
    return threading.RLock()


def new_object(kind: type) -> Any:
    """An object of moto's without attributes."""
    if not kind.__module__.startswith("moto."):
        raise pickle.UnpicklingError(f"{kind} is not moto's")
    maker: Any = kind
    made = maker.__new__(kind)
    if isinstance(made, FakeKey):
        made.disposed = True  # until it has its content: moto would dispose of one whose content is missing
    return made


def mapping(kind: type, factory: Any, items: dict[Any, Any], attributes: dict[str, Any]) -> Any:
    """A `defaultdict` of moto's own kind."""
    made: Any = dict.__new__(kind)
    defaultdict.__init__(made, factory)
    dict.update(made, items)
    vars(made).update(attributes)
    return made


def private_key(pem: bytes) -> Any:
    return load_pem_private_key(pem, None)


def versions(lists: dict[str, list[Any]]) -> Any:
    store = _VersionedKeyStore()
    for key, found in lists.items():
        dict.__setitem__(store, key, found)
    return store


def alarm(state: dict[str, Any]) -> Alarm:
    made: Any = new_object(Alarm)
    vars(made).update(state)
    if "request" in state:
        vars(made)["watched"] = watched_alarm(state["request"])
    return made


def _may_load(found: Any) -> bool:
    """Whether `find_class` would give a class or function."""
    module, name = getattr(found, "__module__", ""), getattr(found, "__qualname__", "")
    if name in LISTED.get(module, ()):
        return True
    return isinstance(found, type) and module.startswith("moto.") and "<locals>" not in name
