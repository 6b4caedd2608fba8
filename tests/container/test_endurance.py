"""Thousands of loads and unloads leave memory flat. `ENDURANCE_LOADS=20000 pytest tests/container/test_endurance.py`
is the long run."""

import http.client
import json
import os
from pathlib import Path

from tests.container.clients import HttpClient
from tests.container.conftest import serving

LOADS = int(os.environ.get("ENDURANCE_LOADS", "400"))
MIB = 2**20


def test_loads_and_unloads_leave_memory_flat(models: dict[str, Path]) -> None:
    """Each under a name of its own, as SageMaker's are; memory is compared half way and at the end.

    Half way of the long run all is there that stays: the front process remembers the last 10,000 models.
    """
    with serving(HttpClient, MODEL_SERVER_WORKERS="2", MODEL_SERVER_ACCESS_LOG="false") as server:
        assert isinstance(server, HttpClient)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

        def request(method: str, path: str, body: str = "") -> None:
            connection.request(method, path, body)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            response.read()

        def cycle(first: int, count: int) -> int:
            for number in range(first, first + count):
                model = models["dense" if number % 3 else "image"]
                request("POST", "/models", json.dumps({"model_name": f"m{number}", "url": str(model)}))
                request("DELETE", f"/models/m{number}")
            return server.anonymous_bytes()

        half = cycle(0, LOADS // 2)
        end = cycle(LOADS // 2, LOADS - LOADS // 2)
        connection.close()
        assert end - half < 4 * MIB, f"{half / MIB:.1f} MiB half way, {end / MIB:.1f} MiB at the end"
