"""How a container is asked for predictions: by SageMaker's contract for many models, or by that for one.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .container import Answer, ContainerClient, ContainerTimeoutError
from .loaded_models import Entry, LoadedModels
from .model_memory import read_model_memory


@dataclass(frozen=True)
class Served:
    """A container's answer. `hit`: whether the model was loaded already, None where the container has one model only;
    `seconds`: what the container took for the answer; `container`: the one that gave it."""

    answer: Answer
    hit: bool | None
    seconds: float
    container: str = "primary"


class Serving(Protocol):
    """One container that answers."""

    @property
    def models(self) -> LoadedModels | None:
        """What it has loaded; None where SageMaker does not load its models."""

    def invoke(self, target_model: str | None, body: bytes, headers: Mapping[str, str], deadline: float) -> Served:
        """Raises ContainerGoneError, ContainerTimeoutError at `deadline`, and what LoadedModels.acquire raises."""

    def memory(self) -> dict[str, int]:
        """Bytes of memory by the name that a model has in the container, as far as the container says so."""

    def fail_all(self, error: Exception) -> None:
        """The container is gone."""


class SingleModelServing:
    """The container has its model in /opt/ml/model."""

    models = None

    def __init__(self, client: ContainerClient) -> None:
        self._client = client

    def invoke(self, target_model: str | None, body: bytes, headers: Mapping[str, str], deadline: float) -> Served:
        started = time.monotonic()
        answer = self._client.invoke_single(body, headers, deadline - started)
        return Served(answer, None, time.monotonic() - started)

    def memory(self) -> dict[str, int]:
        return {}

    def fail_all(self, error: Exception) -> None:
        pass


class MultiModelServing:
    """SageMaker loads models into the container."""

    def __init__(self, client: ContainerClient, models: LoadedModels) -> None:
        self._client = client
        self.models = models

    def invoke(self, target_model: str | None, body: bytes, headers: Mapping[str, str], deadline: float) -> Served:
        """A model that the container has lost (a 404 for what it does not list) is loaded once more; a container
        without room for the request (507) gets it by unloading others."""
        entry, hit = self.models.acquire(str(target_model), deadline)
        try:
            started = time.monotonic()
            answer = self._client.invoke(entry.model_name, body, headers, deadline - started)
            while answer.status == 507 and self.models.make_room(entry, deadline):
                answer = self._client.invoke(entry.model_name, body, headers, deadline - time.monotonic())
            lost = answer.status == 404 and self._has_lost(entry, deadline)
            if lost:
                self.models.forget(entry)
        finally:
            self.models.release(entry)
        if lost:
            entry, hit = self.models.acquire(str(target_model), deadline)[0], False
            try:
                started = time.monotonic()
                answer = self._client.invoke(entry.model_name, body, headers, deadline - started)
            finally:
                self.models.release(entry)
        return Served(answer, hit, time.monotonic() - started)

    def memory(self) -> dict[str, int]:
        return read_model_memory(self._client)

    def fail_all(self, error: Exception) -> None:
        self.models.fail_all(error)

    def _has_lost(self, entry: Entry, deadline: float) -> bool:
        """Whether a 404 means that the container has no such model, rather than being the model's own answer."""
        try:
            return not self._client.has_model(entry.model_name, deadline - time.monotonic())
        except ContainerTimeoutError:
            return False
