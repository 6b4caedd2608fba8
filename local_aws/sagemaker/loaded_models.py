"""The models that one container has loaded: SageMaker's side of the multi-model contract.

States of an entry: loading -> ready -> unloading -> gone. A request holds a lease on its entry from the moment it asks,
so nothing is unloaded under it, and nothing that others are still waiting for is unloaded before they had it.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from .artifacts import Artifact, ArtifactCache
from .container import Answer, ContainerClient, ContainerGoneError, ContainerTimeoutError
from .errors import ModelNotReadyError, SageMakerError
from .metrics import VariantMetrics
from .model_events import NoteModelEvent
from .s3_uri import S3Uri

logger = logging.getLogger(__name__)


class ModelFiles(Protocol):
    """Where the container finds the files of its models."""

    def place(self, model_name: str, folder: Path) -> str:
        """Let the container see `folder`; the path it has there. Safe to repeat."""

    def remove(self, model_name: str) -> None: ...


MakeModelError = Callable[[int, str], SageMakerError]
"""Makes the error of a container's answer: status (0: none came) and text."""

_INSUFFICIENT = 507


class ModelState(Enum):
    LOADING = "loading"
    READY = "ready"
    UNLOADING = "unloading"


@dataclass(eq=False)
class Entry:
    """One model in the container."""

    target_model: str
    model_name: str
    """Opaque to the container, as on AWS."""

    state: ModelState = ModelState.LOADING
    leases: int = 0
    used: float = 0.0
    waits_for_room: bool = False
    artifact: Artifact | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class LoadedModel:
    """One model in the container, as it is at this moment. `disk_bytes`: the size of its artifact."""

    target_model: str
    model_name: str
    state: ModelState
    requests: int
    idle_seconds: float
    disk_bytes: int | None


class LoadedModels:
    """Loads on demand, unloads the least recently used when the container has no room."""

    def __init__(
        self,
        *,
        client: ContainerClient,
        artifacts: ArtifactCache,
        files: ModelFiles,
        prefix: S3Uri,
        metrics: VariantMetrics,
        model_error: MakeModelError,
        note: NoteModelEvent,
        load_timeout_seconds: float,
        keep_loaded: bool,
    ) -> None:
        self._client = client
        self._artifacts = artifacts
        self._files = files
        self._prefix = prefix
        self._metrics = metrics
        self._model_error = model_error
        self._note = note
        self._load_timeout_seconds = load_timeout_seconds
        self._keep_loaded = keep_loaded
        self._changed = threading.Condition()
        self._entries: dict[str, Entry] = {}
        # One load at a time makes room: two would unload each other's models for ever.
        self._room = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def disk_bytes(self) -> int:
        """Size of the artifacts of what is loaded."""
        with self._changed:
            return sum(entry.artifact.size_bytes for entry in self._entries.values() if entry.artifact is not None)

    def now(self) -> list[LoadedModel]:
        """What is loaded, being loaded and being unloaded, the last used one first."""
        moment = time.monotonic()
        with self._changed:
            entries = sorted(self._entries.values(), key=lambda entry: -entry.used)
            return [
                LoadedModel(
                    target_model=entry.target_model,
                    model_name=entry.model_name,
                    state=entry.state,
                    requests=entry.leases,
                    idle_seconds=0.0 if entry.leases else moment - entry.used,
                    disk_bytes=entry.artifact.size_bytes if entry.artifact is not None else None,
                )
                for entry in entries
            ]

    def acquire(self, target_model: str, deadline: float) -> tuple[Entry, bool]:
        """A lease on the loaded model, and whether it was loaded already (a cache hit).

        Loads it where it is not; requests for a model that is loading wait for the one load.
        Raises ModelNotReadyError at `deadline` (monotonic seconds; the load goes on), ValidationError for an artifact
        that is missing or damaged, ModelError when the container does not load it, ContainerGoneError.
        """
        with self._changed:
            entry = self._entries.get(target_model)
            while entry is not None and entry.state is ModelState.UNLOADING:
                self._wait(deadline, target_model)
                entry = self._entries.get(target_model)
            hit = entry is not None and entry.state is ModelState.READY
            if entry is None:
                entry = Entry(target_model, hashlib.sha256(str(self._prefix / target_model).encode()).hexdigest()[:32])
                self._entries[target_model] = entry
                threading.Thread(target=self._load, args=(entry,), name="load", daemon=True).start()
            entry.leases += 1
            entry.used = time.monotonic()
            try:
                while entry.state is ModelState.LOADING and entry.error is None:
                    self._wait(deadline, target_model)
                if entry.error is not None:
                    raise entry.error
            except BaseException:
                entry.leases -= 1
                raise
            return entry, hit

    def release(self, entry: Entry) -> None:
        with self._changed:
            entry.leases -= 1
            entry.used = time.monotonic()
            unload = not self._keep_loaded and self._claim(entry)
            self._changed.notify_all()
        if unload:
            self._unload(entry, "model caching is disabled")

    def forget(self, entry: Entry) -> None:
        """The container says that it has no such model: load it again for the next request."""
        with self._changed:
            self._drop(entry)
        self._note("lost", entry.target_model, "the container answered that it has no such model", None)

    def make_room(self, keep: Entry, deadline: float) -> bool:
        """Unload the least recently used model that nobody uses; wait for one where all are in use.

        False when no other model is loaded, or none became free before `deadline`.
        """
        with self._changed:
            before = len(self._entries)
            while True:
                if len(self._entries) < before:
                    return True  # a model went by itself
                others = [e for e in self._entries.values() if e is not keep and not e.waits_for_room]
                idle = [e for e in others if e.state is ModelState.READY and e.leases == 0]
                if idle:
                    victim = min(idle, key=lambda e: e.used)
                    self._claim(victim)
                    break
                if not others or not self._changed.wait(deadline - time.monotonic()):
                    return False
        self._unload(victim, f"the container needs room for {keep.target_model}")
        return True

    def fail_all(self, error: Exception) -> None:
        """The container is gone: nothing is loaded any more."""
        with self._changed:
            lost = list(self._entries.values())
            for entry in lost:
                entry.error = error
                self._drop(entry)
        for entry in lost:
            self._note("lost", entry.target_model, str(error), None)

    def _wait(self, deadline: float, target_model: str) -> None:
        if not self._changed.wait(max(deadline - time.monotonic(), 0)) and time.monotonic() >= deadline:
            raise ModelNotReadyError(
                f"Model {target_model} for multi-model endpoint is not ready to serve inference requests: it is still "
                "loading. Retry the request later."
            )

    def _load(self, entry: Entry) -> None:
        started = time.monotonic()
        try:
            artifact = self._artifacts.checkout(self._prefix / entry.target_model)
            with self._changed:
                entry.artifact = artifact
                if entry.error is not None:  # the container went while we downloaded
                    self._artifacts.give_back(artifact)
                    return
            self._metrics.duration("ModelDownloadingTime", time.monotonic() - started)
            self._load_into_container(entry, artifact)
        except Exception as error:  # noqa: BLE001 - handed to every request that waits
            logger.warning("model %s was not loaded: %s", entry.target_model, error)
            with self._changed:
                entry.error = error
                self._drop(entry)
            self._note("failed", entry.target_model, str(error), time.monotonic() - started)
            return
        seconds = time.monotonic() - started
        logger.info("model %s loaded in %.3f s", entry.target_model, seconds)
        self._note("loaded", entry.target_model, "", seconds)
        with self._changed:
            entry.state = ModelState.READY
            entry.used = time.monotonic()
            # The requests that asked for it may all have given up while it loaded.
            unload = not self._keep_loaded and self._claim(entry)
            self._changed.notify_all()
        if unload:
            self._unload(entry, "model caching is disabled")

    def _load_into_container(self, entry: Entry, artifact: Artifact) -> None:
        deadline = time.monotonic() + self._load_timeout_seconds
        answer = self._post_model(entry, artifact, deadline)
        if answer.status == _INSUFFICIENT:
            self._set_waits_for_room(entry, True)
            with self._room:
                self._set_waits_for_room(entry, False)
                while answer.status == _INSUFFICIENT and self.make_room(entry, deadline):
                    answer = self._post_model(entry, artifact, deadline)
        # 409: the container has it already, of an unload that it did not answer.
        if answer.status not in (200, 409):
            raise self._model_error(answer.status, answer.text)

    def _post_model(self, entry: Entry, artifact: Artifact, deadline: float) -> Answer:
        url = self._files.place(entry.model_name, artifact.folder)
        started = time.monotonic()
        try:
            answer = self._client.load(entry.model_name, url, entry.target_model, deadline - time.monotonic())
        except ContainerTimeoutError as error:
            raise self._model_error(
                0, f"Model {entry.target_model} did not load within {self._load_timeout_seconds:g} seconds."
            ) from error
        if answer.status == 200:
            self._metrics.duration("ModelLoadingTime", time.monotonic() - started)
        return answer

    def _unload(self, entry: Entry, reason: str) -> None:
        """End a model in state UNLOADING."""
        logger.info("model %s is unloaded: %s", entry.target_model, reason)
        started = time.monotonic()
        try:
            answer = self._client.unload(entry.model_name, self._load_timeout_seconds)
            if answer.status not in (200, 404):
                logger.warning("model %s: unload answered %s: %s", entry.target_model, answer.status, answer.text)
        except (ContainerGoneError, ContainerTimeoutError) as error:
            logger.warning("model %s: unload failed: %s", entry.target_model, error)
        seconds = time.monotonic() - started
        self._metrics.duration("ModelUnloadingTime", seconds)
        self._note("evicted", entry.target_model, reason, seconds)
        with self._changed:
            self._drop(entry)

    def _claim(self, entry: Entry) -> bool:
        """Take an idle, ready entry for unloading; the lock is held."""
        if entry.state is ModelState.READY and entry.leases == 0 and self._entries.get(entry.target_model) is entry:
            entry.state = ModelState.UNLOADING
            return True
        return False

    def _set_waits_for_room(self, entry: Entry, waits: bool) -> None:
        with self._changed:
            entry.waits_for_room = waits
            self._changed.notify_all()

    def _drop(self, entry: Entry) -> None:
        """Take an entry out of the registry, once; the lock is held."""
        if self._entries.get(entry.target_model) is entry:
            del self._entries[entry.target_model]
            if entry.artifact is not None:
                self._files.remove(entry.model_name)
                self._artifacts.give_back(entry.artifact)
        self._changed.notify_all()
