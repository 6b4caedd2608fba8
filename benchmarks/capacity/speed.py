"""Time and memory of one simulation, each in a process of its own: `python -m benchmarks.capacity.speed`."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from capacity.fleet import MIB, Behaviour, Fleet
from capacity.generators import Workload, generate
from capacity.profiles import Profiles
from capacity.simulation import simulate

INVOCATIONS = 1_000_000
MODELS = (1_000, 10_000, 100_000)
TARGET_MODELS = 10_000
TARGET_SECONDS = 10.0
INSTANCES = (1, 4)
RUNS = 3
_ROOT = Path(__file__).resolve().parents[2]


def run_all() -> list[dict[str, Any]]:
    """One row for each number of models and instances."""
    rows = []
    for models in MODELS:
        for instances in INSTANCES:
            runs = [_in_a_process(models, instances) for _ in range(RUNS)]
            best = min(runs, key=lambda run: run["seconds"])
            rows.append(best | {"runs_seconds": [run["seconds"] for run in runs]})
            print(f"{models:>7} models, {instances} instances: {best['seconds']:.2f} s, {best['peak_mib']:.0f} MiB")
    return rows


def _in_a_process(models: int, instances: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.capacity.speed", str(models), str(instances)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _one(models: int, instances: int) -> dict[str, Any]:
    """A tenth of the models fit: most of them come and go."""
    trace = generate(Workload(models, 200.0, INVOCATIONS / 200, seed=1))
    profiles = Profiles(
        np.full(models, 5 * MIB), np.full(models, 8 * MIB), np.full(models, 0.02), np.full(models, 0.005)
    )
    fleet = Fleet(instances, 16 // instances, models * 8 * MIB // 10 // instances, models * 5 * MIB)
    started, cpu = time.perf_counter(), time.process_time()
    outcome = simulate(trace, profiles, fleet, Behaviour())
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {
        "models": models,
        "invocations": len(trace),
        "instances": instances,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_mib": round(int(peak[1]) / 1024, 1) if peak else None,
        "hit_ratio": round(1 - float(outcome.cold.mean()), 4),
        "loads": outcome.loads,
    }


if __name__ == "__main__":
    print(json.dumps(_one(int(sys.argv[1]), int(sys.argv[2]))))
