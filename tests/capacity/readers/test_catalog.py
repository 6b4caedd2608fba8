"""What is known of models comes from logs, then from the lock file; the rest is assumed and said."""

from capacity.readers.catalog import Assumed, read_profiles
from capacity.readers.log_events import Observed
from model_catalog.lock import Lock, Model, Version
from model_catalog.lock import Observed as Tried

MIB = 2**20


def version(number: int, size: int, memory: int | None, seconds: float, engine: str = "onnxruntime") -> Version:
    return Version(
        version=str(number),
        sha256=f"{number:064x}",
        size_bytes=size,
        engine=engine,
        key=f"a/{number}.tar.gz",
        slot=1,
        observed=Tried(inputs=(), outputs=(), memory_bytes=memory, load_seconds=seconds),
    )


LOCK = Lock(models={"a": Model(versions=(version(1, 10 * MIB, 5 * MIB, 0.1), version(2, 20 * MIB, 7 * MIB, 0.2)))})


def test_names_are_the_current_version_and_keys_their_own() -> None:
    profiles = read_profiles(["a", "a/1.tar.gz"], LOCK, {}, Assumed())
    assert profiles.artifact_bytes.tolist() == [20 * MIB, 10 * MIB]
    # Private memory and the mapped weights.
    assert profiles.memory_bytes.tolist() == [27 * MIB, 15 * MIB]
    assert profiles.load_seconds.tolist() == [0.2, 0.1]
    assert profiles.assumptions == ("2 models never timed: 20 ms of work a call (--service-ms).",)


def test_a_log_knows_better() -> None:
    seen = {"a": Observed(load_seconds=0.5, memory_bytes=9 * MIB, service_seconds=0.003)}
    profiles = read_profiles(["a"], LOCK, seen, Assumed())
    assert (profiles.load_seconds[0], profiles.service_seconds[0]) == (0.5, 0.003)
    assert profiles.memory_bytes[0] == 29 * MIB
    assert profiles.assumptions == ()


def test_strangers_are_of_middle_size_and_counted() -> None:
    profiles = read_profiles(["x", "y"], LOCK, {}, Assumed())
    assert profiles.artifact_bytes.tolist() == [20 * MIB] * 2
    assert profiles.memory_bytes.tolist() == [40 * MIB] * 2
    assert [assumption.split(":")[0] for assumption in profiles.assumptions] == [
        "2 models not in the catalog",
        "2 models of unknown memory",
        "2 models never loaded",
        "2 models never timed",
    ]
    empty = read_profiles(["x"], Lock(), {}, Assumed(artifact_bytes=3))
    assert empty.artifact_bytes.tolist() == [3]
