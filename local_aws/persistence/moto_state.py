"""Everything that moto knows, as one pickle a service; and back.

A service's BackendDict is named by its module and its name in there. Its backends are made by moto itself when they
are loaded, and get the attributes that were saved.
"""

import importlib
import io
import logging
import pickle
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from .bodies import BodyReader, BodyWriter
from .pickling import MotoPickler, MotoUnpickler, NotKeptError, Place

logger = logging.getLogger(__name__)

_ATTEMPTS = 20
_CONSTRUCTED = ("backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id")
"""Attributes of a BackendDict that are the same in every process."""

_LEFT_OUT = {"moto.cloudwatch.models:cloudwatch_backends": {"metric_data", "paged_metric_data"}}
"""Attributes of backends that begin empty: datapoints of metrics."""


class MotoState:
    """Captures and restores this process's moto."""

    def __init__(self) -> None:
        self._complained: dict[str, str] = {}

    def capture(self, bodies: BodyWriter, previous: Mapping[str, bytes]) -> dict[str, bytes]:
        """A pickle for each service, by the name of its BackendDict.

        What changes while it is read is read again. A service that cannot be saved is logged, and keeps its pickle of
        `previous`.
        """
        instances: Any = BackendDict
        named: dict[str, BackendDict[Any]] = {_name(backends): backends for backends in list(instances._instances)}
        places: dict[int, Place] = {
            id(backend): (name, account, region)
            for name, backends in named.items()
            for account, region, backend in _flat(backends)
        }
        parts: dict[str, bytes] = {}
        for name, backends in sorted(named.items()):
            try:
                parts[name] = _captured(name, backends, bodies, places)
                self._complained.pop(name, None)
            except (NotKeptError, pickle.PicklingError, TypeError, AttributeError) as error:
                self._complain(name, f"it holds {error}")
            except (RuntimeError, ValueError) as error:
                self._complain(name, f"it does not come to rest ({error})")
            if name not in parts and name in previous:
                parts[name] = previous[name]
        return parts

    @property
    def is_complete(self) -> bool:
        """Whether the last capture has every service as it is."""
        return not self._complained

    def _complain(self, name: str, why: str) -> None:
        if self._complained.get(name) != why:
            logger.warning("%s is not saved as it is now: %s", name.partition(":")[0], why)
        self._complained[name] = why


def restore(parts: Mapping[str, bytes], bodies: BodyReader) -> None:
    """Give moto what `capture` took. Raises pickle.UnpicklingError and what damaged pickles raise."""
    for name, content in parts.items():
        backends = _find(name)
        loaded = MotoUnpickler(io.BytesIO(content), bodies, lambda *place: _find(place[0])[place[1]][place[2]]).load()
        vars(backends).update(loaded["shared"])
        for (account, region), state in loaded["backends"].items():
            _fill(backends[account][region], state)


def _captured(name: str, backends: BackendDict[Any], bodies: BodyWriter, places: Mapping[int, Place]) -> bytes:
    """Raises RuntimeError or ValueError where it has changed under every attempt."""
    left_out = _LEFT_OUT.get(name, set())
    for attempt in range(_ATTEMPTS):
        file = io.BytesIO()
        try:
            state = {
                "shared": {key: value for key, value in vars(backends).items() if key not in _CONSTRUCTED},
                "backends": {
                    (account, region): {key: value for key, value in vars(backend).items() if key not in left_out}
                    for account, region, backend in _flat(backends)
                },
            }
            MotoPickler(file, bodies, places).dump(state)
            return file.getvalue()
        except (RuntimeError, ValueError):  # a dictionary that grew, an object that was deleted
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _fill(backend: BaseBackend, state: dict[str, Any]) -> None:
    for name, value in state.items():
        fresh = vars(backend).get(name)
        if isinstance(fresh, defaultdict) and type(value) is dict:
            fresh.update(value)
        else:
            vars(backend)[name] = value


def _flat(backends: BackendDict[Any]) -> Iterator[tuple[str, str, BaseBackend]]:
    for account, regions in list(backends.items()):
        for region, backend in list(regions.items()):
            yield account, region, backend


def _name(backends: BackendDict[Any]) -> str:
    module = backends.backend.__module__
    found = next((key for key, value in vars(sys.modules[module]).items() if value is backends), None)
    if found is None:
        raise RuntimeError(f"moto's {backends.service_name} is not in {module}")
    return f"{module}:{found}"


def _find(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module.startswith("moto."):
        raise pickle.UnpicklingError(f"{name} is not moto's")
    found = getattr(importlib.import_module(module), attribute, None)
    if not isinstance(found, BackendDict):
        raise pickle.UnpicklingError(f"{name} is no service of moto's")
    return found
