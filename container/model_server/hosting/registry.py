"""Which models are loaded, in what state, and in which workers. No I/O."""

import asyncio
import base64
import binascii
import time
from dataclasses import dataclass, field
from enum import Enum

from ..errors import InvalidRequest, ModelAlreadyLoaded, ModelNotFound

MAX_PAGE = 1000
DEFAULT_PAGE = 100
# In the set of places where a model arrives: one that is not open yet.
UNOPENED = -1


class State(Enum):
    """A model's way through the registry."""

    LOADING = "loading"
    READY = "ready"
    UNLOADING = "unloading"


@dataclass(eq=False)
class Model:
    """One entry. `places` are the indexes of the workers that hold it, `arriving` of those that load it,
    `memory_bytes` what it took in each. `load_crashes` counts workers that died in a row while they loaded it again.
    `has_code`: the artifact brings its own code, which gets processes of its own. `code_mapped_bytes`: the most that
    they had mapped of the artifact's files. `claimed_bytes`: what it took before it was lost with its worker, and takes
    again when it is asked for."""

    name: str
    url: str
    artifact_bytes: int = 0
    state: State = State.LOADING
    places: set[int] = field(default_factory=set)
    arriving: set[int] = field(default_factory=set)
    memory_bytes: dict[int, int] = field(default_factory=dict)
    engine: str = ""
    target_model: str = ""
    invocations: int = 0
    used_at: float = field(default_factory=time.monotonic)
    starved: list[float] = field(default_factory=list)
    load_crashes: int = 0
    has_code: bool = False
    code_mapped_bytes: int = 0
    claimed_bytes: int = 0
    in_flight: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def mapped_bytes(self) -> int:
        """Weights that some worker has no private copy of: it reads them from the mapped files, and they stay in memory
        while the model is used. All workers share them."""
        if not self.memory_bytes:
            return 0
        if self.has_code:
            return self.code_mapped_bytes
        return max(0, self.artifact_bytes - min(self.memory_bytes.values()))

    def enter(self) -> None:
        """Count a request in; it is counted out with `leave`."""
        self.in_flight += 1
        self.used_at = time.monotonic()

    def leave(self) -> None:
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()

    async def drained(self) -> None:
        """Wait until no request is under way."""
        while self.in_flight:
            self._idle.clear()
            await self._idle.wait()


class Registry:
    """The models by name, in the order they were loaded."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}

    def add(self, name: str, url: str) -> Model:
        """Raises ModelAlreadyLoaded."""
        if name in self._models:
            raise ModelAlreadyLoaded(f"Model {name} is already registered.")
        model = Model(name, url)
        self._models[name] = model
        return model

    def remove(self, model: Model) -> None:
        self._models.pop(model.name, None)

    def ready(self, name: str) -> Model:
        """The model, when it can be invoked. Raises ModelNotFound."""
        model = self._models.get(name)
        if model is None or model.state is not State.READY:
            raise ModelNotFound(f"Model not found: {name}")
        return model

    def all(self) -> list[Model]:
        return list(self._models.values())

    def held_by(self, place: int) -> list[Model]:
        """Models whose home is this worker, the most recently used first."""
        held = [model for model in self._models.values() if place in model.places]
        return sorted(held, key=lambda model: -model.used_at)

    def page(self, token: str | None, limit: int) -> tuple[list[Model], str | None]:
        """One page of the ready models in order of their names, and the token of the next page.

        A token says after which name to go on, so that loads and unloads between pages shift nothing.
        Raises InvalidRequest for a token that this server did not make.
        """
        after = None if token is None else _read_token(token)
        names = sorted(name for name, model in self._models.items() if model.state is State.READY)
        if after is not None:
            names = [name for name in names if name > after]
        page = names[:limit]
        more = _token(page[-1]) if len(names) > limit else None
        return [self._models[name] for name in page], more


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode("utf-8", "surrogatepass")).decode("ascii")


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode("utf-8", "surrogatepass")
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest("next_page_token is not one that this server gave") from error
