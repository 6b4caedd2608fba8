"""A short run of the endurance measures: nothing stays, and a kill costs the request of its worker at most."""

from pathlib import Path

import pytest

from benchmarks.endurance import measure_kills, measure_loads, write_checkpoint, write_code
from benchmarks.server.model_server import model_server


@pytest.fixture
def artifacts(tmp_path: Path) -> tuple[Path, Path]:
    return write_checkpoint(tmp_path / "checkpoint"), write_code(tmp_path / "code")


def test_loads_and_unloads_leave_memory_flat(tmp_path: Path, artifacts: tuple[Path, Path]) -> None:
    with model_server(tmp_path / "server", workers=2) as server:
        results, complaints = measure_loads(server, *artifacts, 400)
    assert complaints == []
    assert results["count"] == 400 and len(results["memory_mib"]) == 10


def test_killed_workers_cost_no_other_request(tmp_path: Path, artifacts: tuple[Path, Path]) -> None:
    with model_server(tmp_path / "server", workers=2) as server:
        results, complaints = measure_kills(server, *artifacts, 10)
    assert complaints == []
    assert results["count"] == 10 and results["answers"]["200"] > 10
