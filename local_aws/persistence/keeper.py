"""Saves the account while it runs and at its end, and restores it at the start."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..access_key import AccessKey
from ..errors import LocalAwsError
from ..periodic import PeriodicThread
from .bodies import BodyReader, BodyWriter
from .errors import UnreadableStateError
from .folder import StateFolder
from .manifest import Manifest, part_name, read_manifest, read_part
from .moto_state import MotoState, restore

logger = logging.getLogger(__name__)

SAVE_SECONDS = 5.0
"""What a local AWS that is killed may lose."""

_SHARE = 20
"""Saving takes at most this part of the time: an account that takes 1 s to save is saved every 20 s."""


class Service(Protocol):
    """One of the local AWS's own services that has something to save. What it gives is JSON."""

    def saved(self) -> Any: ...

    def restore(self, saved: Any) -> None: ...


@dataclass(frozen=True)
class SavedAccount:
    """The folder of an account, and what it holds; no manifest where nothing was saved yet."""

    folder: StateFolder
    manifest: Manifest | None

    @classmethod
    def open(cls, root: Path) -> "SavedAccount":
        """Raises UnsafeStateError, UnreadableStateError, StateFolderError."""
        folder = StateFolder(root)
        folder.prepare()
        return cls(folder, read_manifest(folder))


class NoKeeper:
    """Of an account in memory."""

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def save(self) -> None:
        pass


class Keeper:
    """A thread that saves. Nothing is written where nothing has changed.

    Args:
        key: the account's access key.
        own: the services besides moto's, by name.
        in_one_moment: calls what captures the account, while no request changes it.
    """

    def __init__(
        self,
        account: SavedAccount,
        key: AccessKey,
        own: Mapping[str, Service],
        in_one_moment: Callable[[Callable[[], Any]], Any],
    ) -> None:
        self._folder = account.folder
        self._manifest = account.manifest
        self._key = key
        self._own = own
        self._in_one_moment = in_one_moment
        self._moto = MotoState()
        self._bodies = BodyWriter(account.folder)
        self._parts: dict[str, bytes] = {}
        self._written = ""
        self._not_before = 0.0
        self._complaint: str | None = None
        self._thread = PeriodicThread("saving", self._save_in_turn, SAVE_SECONDS)

    def restore(self) -> bool:
        """Bring back what was saved; False where nothing was. Raises UnsafeStateError, UnreadableStateError."""
        if self._manifest is None:
            return False
        self._parts = {name: read_part(self._folder, digest) for name, digest in self._manifest.parts.items()}
        try:
            restore(self._parts, BodyReader(self._folder, self._bodies))
            for name, service in self._own.items():
                service.restore(self._manifest.own[name])
        except LocalAwsError:
            raise
        except Exception as error:
            raise UnreadableStateError(
                self._folder.root,
                f"what it holds does not fit ({type(error).__name__}: {error})",
                "Remove the folder to begin with an empty account.",
            ) from error
        return True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Save no more by itself; `save` does the last time."""
        self._thread.stop()

    def save(self) -> None:
        """Save what has changed. What keeps it from that is logged."""
        started = time.monotonic()
        try:
            self._save()
        except OSError as error:
            complaint = f"the account is NOT saved: {error.filename or self._folder.root}: {error.strerror}"
            if complaint != self._complaint:
                logger.error(
                    "%s. Make room, or stop this local AWS and start it elsewhere with --directory.", complaint
                )
            self._complaint = complaint
        else:
            if self._complaint is not None:
                logger.info("the account is saved again")
            self._complaint = None
        ended = time.monotonic()
        self._not_before = ended + _SHARE * (ended - started) - SAVE_SECONDS / 2

    def _save_in_turn(self) -> None:
        if time.monotonic() >= self._not_before:
            self.save()

    def _save(self) -> None:
        self._bodies.begin()
        self._parts, own = self._in_one_moment(self._capture)
        self._bodies.write()
        digests = {name: part_name(content) for name, content in self._parts.items()}
        for name, digest in digests.items():
            if not (self._folder.parts / digest).exists():
                self._folder.write(self._folder.parts / digest, [self._parts[name]])
        text = Manifest(self._key, digests, own).to_json()
        if text != self._written:
            self._folder.write(self._folder.manifest, [text.encode()])
            self._written = text
        self._folder.remove_others(self._folder.parts, set(digests.values()))
        if self._moto.is_complete:
            self._bodies.forget_unused()

    def _capture(self) -> tuple[dict[str, bytes], dict[str, Any]]:
        parts = self._moto.capture(self._bodies, self._parts)
        return parts, {name: service.saved() for name, service in self._own.items()}
