"""The measures of a tiny model, of noisy neighbours and of a killed worker, on the real server."""

import numpy as np
import onnxruntime
import pytest

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.measure_kill import CLIENTS, killed_models, measure_kill
from benchmarks.server.measure_neighbours import ALONE, BESIDE_HOT, BESIDE_LOAD, measure_neighbours, write_slow_loader
from benchmarks.server.measure_tabular import MODEL, measure_tabular
from benchmarks.server.measure_throughput import Contender
from benchmarks.server.model_server import model_server
from benchmarks.server.results import kill_outcome, neighbours_outcome, tabular_outcome
from benchmarks.server.tabular_model import FEATURES, ROW, ROW_TYPE, write_tabular_model


def test_the_tabular_model_takes_any_number_of_rows(tmp_path):
    session = onnxruntime.InferenceSession(write_tabular_model(tmp_path) / "tabular.onnx")
    [scores] = session.run(None, {"row": np.ones((3, FEATURES), np.float32)})
    assert scores.shape == (3, 2)
    assert (scores[0] == scores[2]).all()
    assert ((scores > 0) & (scores < 1)).all()


def load(model, worker, reason=None):
    return {"model": model, "worker": worker, "reason": reason}


def test_what_the_killed_worker_held():
    before = [
        load("a", 0),
        load("b", 1),
        load("c", 0),
        load("c", 1, "its worker is busy with another model"),
        load("d", 0),
    ]
    after = [load("a", 1, "its worker was lost"), load("b", 0, "its worker is busy with another model")]
    lost, held = killed_models(before, after)
    assert lost == {"a", "d"}, "d failed or was not restored yet, c has another copy"
    assert held == {"a", "c", "d"}
    with pytest.raises(BenchmarkError, match="no model was lost"):
        killed_models(before, [])


@pytest.mark.slow
def test_measures_of_the_real_server(tmp_path):
    """A model that loads for seconds, one under eight clients, and a kill: each measure ends, and no request fails."""
    folder = write_tabular_model(tmp_path / "tabular")
    with model_server(tmp_path / "server", workers=2) as server:
        names = [MODEL, *(f"m{number}" for number in range(9))]
        for name in names:
            server.load(name, folder)
        tabular = tabular_outcome(measure_tabular(server, seconds=0.3, rounds=1)).numbers
        assert tabular["tabular_failures"] == 0
        assert 0 < tabular["tabular_engine_ms"] < tabular["tabular_p50_ms"]
        warm, hot = (Contender(name, server, name, ROW, ROW_TYPE) for name in names[:2])
        slow = write_slow_loader(tmp_path / "slow", seconds=2)
        neighbours = measure_neighbours(warm, hot, slow, seconds=0.3, rounds=1)
        assert neighbours.latencies_seconds.keys() == {ALONE, BESIDE_LOAD, BESIDE_HOT}
        assert neighbours.hot_answers > 0
        assert neighbours_outcome(neighbours).numbers["neighbour_failures"] == 0
        kill = kill_outcome(measure_kill(server, names)).numbers
        assert kill["kill_models"] == 10
        assert 0 < kill["kill_lost_models"] < 10
        assert kill["kill_other_failures"] == 0
        assert kill["kill_own_failures"] <= CLIENTS
