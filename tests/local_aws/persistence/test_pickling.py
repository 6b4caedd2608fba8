"""Pickles of moto's objects: what they hold comes back, and nothing else is loaded or saved."""

import io
import os
import pickle
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.kms.utils import KeySpec, generate_private_key
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore
from moto.ssm.models import ParameterDict

from local_aws.persistence.bodies import BodyReader, BodyWriter
from local_aws.persistence.errors import UnreadableStateError
from local_aws.persistence.folder import StateFolder
from local_aws.persistence.pickling import MotoPickler, MotoUnpickler, NotKeptError


class Store:
    """A state folder, and both ways through it."""

    def __init__(self, root: Path) -> None:
        self.folder = StateFolder(root)
        self.folder.prepare()
        self.writer = BodyWriter(self.folder)

    def save(self, value: Any) -> bytes:
        file = io.BytesIO()
        MotoPickler(file, self.writer, {}).dump(value)
        self.writer.write()
        return file.getvalue()

    def load(self, content: bytes) -> Any:
        reader = BodyReader(self.folder, BodyWriter(self.folder))
        return MotoUnpickler(io.BytesIO(content), reader, lambda *_: None).load()

    def both(self, value: Any) -> Any:
        return self.load(self.save(value))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def key() -> Any:
    made = FakeKey("k", b"content", "123456789012", "us-east-1", bucket_name="b")
    yield made
    made.dispose()


def test_all_versions_of_a_key_come_back(store: Store) -> None:
    """A plain pickle has the last version only: that is what the store's items() gives."""
    versions = _VersionedKeyStore()
    versions["k"] = "first"
    versions["k"] = "second"
    assert store.both(versions).getlist("k") == ["first", "second"]


def test_a_content_is_written_once_and_goes_with_its_object(store: Store, key: FakeKey) -> None:
    first = store.save(key)
    [body] = store.folder.bodies.iterdir()
    written = body.stat()
    assert store.save(key) == first
    assert body.stat().st_mtime_ns == written.st_mtime_ns
    loaded = store.load(first)
    assert (loaded.value, loaded.etag, loaded.size) == (b"content", key.etag, 7)
    assert vars(loaded).keys() == vars(key).keys()
    loaded.dispose()
    store.writer.begin()
    store.writer.forget_unused()
    assert list(store.folder.bodies.iterdir()) == []


def test_a_new_content_of_the_same_object_is_written(store: Store, key: FakeKey) -> None:
    store.save(key)
    key.value, key._etag = b"changed", None
    loaded = store.both(key)
    assert loaded.value == b"changed"
    loaded.dispose()


def test_an_object_that_was_deleted_has_no_content(store: Store, key: FakeKey) -> None:
    key.dispose()
    assert store.both(key).disposed


def test_a_content_that_is_cut_off_is_refused(store: Store, key: FakeKey) -> None:
    saved = store.save(key)
    [body] = store.folder.bodies.iterdir()
    body.write_bytes(b"cont")
    with pytest.raises(UnreadableStateError, match="not complete"):
        store.load(saved)


def test_what_cannot_be_pickled_has_a_stand_in(store: Store) -> None:
    private = generate_private_key(KeySpec.ECC_NIST_P256)
    assert store.both(private).public_key() == private.public_key()
    lock, reentrant = store.both([threading.Lock(), threading.RLock()])
    with lock, reentrant, reentrant:
        pass
    assert store.both(defaultdict(lambda: 1, {"a": 2})) == {"a": 2}
    parameters = ParameterDict("123456789012", "us-east-1")
    parameters["/a"].append("value")  # type: ignore[arg-type]
    loaded = store.both(parameters)
    assert (dict(loaded), loaded.region_name) == (dict(parameters), "us-east-1")
    assert loaded["/b"] == []


class Foreign:
    """No class of moto's."""


@pytest.mark.parametrize("value", [Foreign(), Foreign, os.system, BackendDict(Foreign, "x"), lambda: None])
def test_what_could_not_be_loaded_is_not_saved(store: Store, value: Any) -> None:
    with pytest.raises((NotKeptError, pickle.PicklingError)):
        store.save({"a": [value]})


class Runs:
    """Its pickle calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize(
    "value",
    [
        Runs(os.system, "true"),
        Runs(eval, "1"),
        Runs(getattr, "a", "b"),
        Runs(__import__, "os"),
        Foreign(),
        Runs(pickle.loads, b""),
    ],
)
def test_nothing_but_what_an_account_holds_is_loaded(store: Store, value: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="nothing that an account holds"):
        store.load(pickle.dumps(value))


@pytest.mark.parametrize(
    ("module", "name"), [("moto.s3.models", "os.system"), ("moto.core.utils", "inspect.getsource")]
)
def test_a_function_is_not_reached_through_moto(store: Store, module: str, name: str) -> None:
    pickler = MotoUnpickler(io.BytesIO(b""), BodyReader(store.folder, store.writer), lambda *_: None)
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        pickler.find_class(module, name)
