"""The capacity benchmark: what is read from logs, what is compared, how calls are replayed."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import numpy as np
import onnxruntime
import pytest

from benchmarks.capacity.models import WIDTH, packed_model
from benchmarks.capacity.replay import replay
from benchmarks.capacity.report import errors, missed, render
from benchmarks.capacity.validation import read_server
from capacity.trace import make_trace
from container.model_server.artifact.archive import extract_archive


def part(runs: list[dict[str, Any]]) -> dict[str, Any]:
    machine = {"processor": "P", "cores": 2, "python": "3.11", "load_average_before": 0.1}
    return {"measured": "2026-01-01", "machine": machine, "runs": runs}


def result(hits: float, p99: float, seconds: float) -> dict[str, Any]:
    figures = {"hit_ratio": 0.8, "cold_rate": 0.2, "p50_ms": 10.0, "p95_ms": 80.0, "p99_ms": 100.0, "most_loaded": 20.0}
    calibrated = dict.fromkeys(
        (
            "model_mib",
            "load_ms",
            "load_variation",
            "call_ms",
            "call_variation",
            "overhead_ms",
            "download_ms",
            "eviction_ms",
        ),
        1.0,
    )
    plan = {"models": 40, "kept": 20, "rate": 6.0, "seconds": 60.0, "workers": 1}
    speed = {"models": 10_000, "instances": 1, "seconds": seconds, "cpu_seconds": 1.0, "peak_mib": 100.0, "loads": 5}
    return {
        "speed": part([speed | {"models": 1000, "runs_seconds": [1.0]}, speed | {"runs_seconds": [seconds]}]),
        "validation": part(
            [
                {
                    "plan": plan,
                    "calibrated": calibrated,
                    "predicted": figures | {"hit_ratio": hits, "p99_ms": p99},
                    "measured": figures,
                    "client_late_p99_ms": 1.0,
                    "load_average": 0.2,
                }
            ]
        ),
    }


def test_errors_are_points_and_percent() -> None:
    run = result(0.79, 120.0, 5)["validation"]["runs"][0]
    assert errors(run) == (pytest.approx(-1.0), pytest.approx(20.0))


def test_every_missed_target_is_named() -> None:
    assert missed(result(0.805, 110, 9)) == []
    assert len(missed(result(0.75, 200, 11))) == 3


def test_the_page_has_both_sides() -> None:
    page = render(result(0.75, 110.0, 5))
    assert "| hit ratio, % | 75.0 | 80.0 | -5.0 points |" in page
    assert "| p99, ms | 110.0 | 100.0 | +10 % |" in page
    assert "| 10,000 | 1 | 5.00 |" in page
    partial = render({**result(1, 1, 1), "speed": []})
    assert "## Speed" not in partial
    assert "The speed has not been measured: run `make bench-capacity`." in partial


def test_a_log_gives_loads_calls_and_memory(tmp_path: Path) -> None:
    lines = [
        {"event": "load", "milliseconds": 40},
        {"event": "request", "path": "/models/a/invoke", "status": 200, "milliseconds": 10},
        {"event": "request", "path": "/models/a/invoke", "status": 507, "milliseconds": 1},
        {"event": "request", "path": "/models", "status": 200, "milliseconds": 41},
        {"Server": "all", "LoadedModelCount": 1, "MemoryUsed": 5},
    ]
    (tmp_path / "log").write_text("\n".join(["hello", *map(json.dumps, lines)]))
    server = read_server(tmp_path / "log")
    assert (server.loads, server.calls, server.memory, server.loaded) == ([0.04], [0.01], [5.0], [1.0])


def test_models_have_weights_of_their_own_and_run(tmp_path: Path) -> None:
    outputs = []
    for seed in (1, 2):
        archive = tmp_path / f"{seed}.tar.gz"
        archive.write_bytes(packed_model(seed, tmp_path))
        extract_archive(archive, tmp_path / str(seed))
        session = onnxruntime.InferenceSession(str(tmp_path / str(seed) / "net.onnx"))
        outputs.append(session.run(None, {"x": np.full((1, WIDTH), 0.5, dtype=np.float32)})[0])
    assert outputs[0].shape == (1, 4)
    assert not np.allclose(*outputs)


class _Slow(BaseHTTPRequestHandler):
    """Answers the model `slow` after half a second, fails `bad`, and notes when each call came."""

    came: ClassVar[list[tuple[float, str]]] = []

    def do_POST(self) -> None:
        target = self.headers["X-Amzn-SageMaker-Target-Model"]
        self.came.append((time.perf_counter(), target))
        self.rfile.read(int(self.headers["Content-Length"]))
        if target == "slow":
            time.sleep(0.5)
        self.send_response(500 if target == "bad" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_slow_answer_delays_no_other_call() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        trace = make_trace([0, 0.05, 0.1], ["slow", "bad", "fast"])
        session = boto3.Session("AKIDEXAMPLE", "secret", region_name="us-east-1")
        seen = replay(trace, session, f"http://127.0.0.1:{server.server_port}", "e", b"{}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [target for _, target in sorted(_Slow.came)] == ["slow", "bad", "fast"]
    assert seen.latency_seconds[0] >= 0.5
    assert np.isnan(seen.latency_seconds).tolist() == [False, True, False]
    assert seen.latency_seconds[2] < seen.latency_seconds[0]
    assert seen.failures == ("ok",)
