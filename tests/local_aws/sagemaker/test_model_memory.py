"""What containers say about the memory of their models."""

from typing import Any

import pytest

from container.model_server.telemetry.metrics import labels, sample
from local_aws.sagemaker.container import Answer, ContainerGoneError, ContainerTimeoutError
from local_aws.sagemaker.model_memory import read_model_memory


class Container:
    """Answers /metrics."""

    def __init__(self, answer: Answer | Exception) -> None:
        self._answer = answer

    def metrics(self, timeout_seconds: float) -> Answer:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def read(answer: Any) -> dict[str, int]:
    return read_model_memory(Container(answer))  # type: ignore[arg-type]


def test_as_this_projects_server_writes_it() -> None:
    lines = [
        sample("model_server_model_memory_bytes", labels(model="a1"), 1024.0),
        sample("model_server_model_memory_bytes", labels(model="b2"), 2.5e9),
        sample("model_server_model_workers", labels(model="a1"), 2),
    ]
    assert read(Answer(200, {}, "\n".join(lines).encode())) == {"a1": 1024, "b2": 2_500_000_000}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, {}, b"{}"),
        Answer(200, {}, b"not metrics"),
        Answer(200, {}, b'model_memory_bytes{model="a"} NaN'),
        Answer(200, {}, b'model_memory_bytes{model="a"} ..'),
        ContainerGoneError("gone"),
        ContainerTimeoutError("late"),
    ],
)
def test_others_say_nothing(answer: Any) -> None:
    assert read(answer) == {}
