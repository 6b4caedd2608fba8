"""How much memory each model takes, where the container says so.

SageMaker's contract has no such call. This project's model server says it at /metrics, in Prometheus' text format.
"""

import re

from .container import ContainerClient, ContainerGoneError, ContainerTimeoutError

_SAMPLE = re.compile(
    r'^\w*model_memory_bytes\{(?:[^}]*,)?model="([^"]*)"[^}]*\} (\d+(?:\.\d+)?(?:e\+?\d+)?)$', re.MULTILINE
)
_TIMEOUT_SECONDS = 0.5


def read_model_memory(client: ContainerClient) -> dict[str, int]:
    """Bytes by the name under which the container has the model; empty where it does not say, or not in time."""
    try:
        answer = client.metrics(_TIMEOUT_SECONDS)
    except (ContainerGoneError, ContainerTimeoutError):
        return {}
    if answer.status != 200:
        return {}
    return {name: int(float(value)) for name, value in _SAMPLE.findall(answer.text)}
