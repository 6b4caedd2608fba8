"""What the catalog's lock file and a log know of the models of a trace, and what has to be assumed."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from capacity.fleet import MIB
from capacity.profiles import ModelProfile, Profiles, make_profiles
from capacity.readers.log_events import Observed
from model_catalog.lock import Lock, Version

# What the model server expects of a model that it has not loaded yet (container/model_server/hosting/budget.py).
_MEMORY_PER_ARTIFACT_BYTE = 2.0


@dataclass(frozen=True)
class Assumed:
    """What a model takes if nothing was measured."""

    artifact_bytes: int = 20 * MIB
    load_seconds: float = 0.5
    service_seconds: float = 0.02


def read_profiles(names: Iterable[str], lock: Lock, observed: Mapping[str, Observed], assumed: Assumed) -> Profiles:
    """The profiles of the models `names`, which are names of the catalog or TargetModels.

    A log's figures come first, then the lock's. A model that the lock does not have is taken for one of middle size.
    """
    versions = _versions(lock)
    typical = _typical(lock, assumed)
    unknown = loads = memories = services = 0
    profiles = []
    for name in names:
        version, seen = versions.get(name), observed.get(name, Observed())
        tried = version.observed if version is not None else None
        artifact = version.size_bytes if version is not None else typical.artifact_bytes
        load = seen.load_seconds if seen.load_seconds is not None else tried.load_seconds if tried else None
        memory = _memory(version, seen)
        unknown += version is None
        loads += load is None
        memories += memory is None
        services += seen.service_seconds is None
        profiles.append(
            ModelProfile(
                artifact,
                memory if memory is not None else int(_MEMORY_PER_ARTIFACT_BYTE * artifact),
                load if load is not None else typical.load_seconds,
                seen.service_seconds if seen.service_seconds is not None else assumed.service_seconds,
            )
        )
    return make_profiles(profiles, _assumptions((unknown, memories, loads, services), typical, assumed))


def _memory(version: Version | None, seen: Observed) -> int | None:
    """The server counts private memory and mapped weights; the latter are about the size of the artifact."""
    private = seen.memory_bytes
    if private is None and version is not None and version.observed is not None:
        private = version.observed.memory_bytes
    if private is None:
        return None
    return private + (version.size_bytes if version is not None and version.engine != "code" else 0)


def _versions(lock: Lock) -> dict[str, Version]:
    found = {version.key: version for model in lock.models.values() for version in model.versions}
    return found | {name: model.current for name, model in lock.models.items()}


def _typical(lock: Lock, assumed: Assumed) -> Assumed:
    current = [model.current for model in lock.models.values()]
    loads = [version.observed.load_seconds for version in current if version.observed is not None]
    return Assumed(
        int(statistics.median(version.size_bytes for version in current)) if current else assumed.artifact_bytes,
        statistics.median(loads) if loads else assumed.load_seconds,
        assumed.service_seconds,
    )


def _assumptions(counts: tuple[int, int, int, int], typical: Assumed, assumed: Assumed) -> list[str]:
    what = (
        f"not in the catalog: taken for artifacts of {typical.artifact_bytes / MIB:.1f} MiB",
        f"of unknown memory: {_MEMORY_PER_ARTIFACT_BYTE:g} times the artifact's size",
        f"never loaded: {typical.load_seconds:.3g} s a load",
        f"never timed: {assumed.service_seconds * 1000:g} ms of work a call (--service-ms)",
    )
    return [f"{count:,} models {words}." for count, words in zip(counts, what, strict=True) if count]
