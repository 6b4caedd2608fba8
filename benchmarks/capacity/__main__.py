"""`python -m benchmarks.capacity` writes capacity.json and capacity.md.

`--speed` or `--validation` measures one part and keeps the other. The exit code is 1 when a target is missed.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.capacity.report import missed, render
from benchmarks.capacity.speed import run_all
from benchmarks.capacity.validation import Plan, run
from benchmarks.machine import loaded_machine

FOLDER = Path(__file__).resolve().parents[1]
WORKERS = (1, 2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--speed", action="store_true", help="only the speed of simulations")
    parser.add_argument("--validation", action="store_true", help="only the comparison with an endpoint")
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="length of each trace that is replayed")
    parser.add_argument("--output", type=Path, default=FOLDER, help="the folder of capacity.json and capacity.md")
    options = parser.parse_args()
    both = options.speed == options.validation
    file = options.output / "capacity.json"
    result: dict[str, Any] = json.loads(file.read_text()) if file.is_file() and not both else {}
    if both or options.speed:
        result["speed"] = _measured(run_all)
    if both or options.validation:
        result["validation"] = _measured(lambda: [_validated(workers, options.seconds) for workers in WORKERS])
    file.write_text(json.dumps(result, indent=1) + "\n")
    file.with_suffix(".md").write_text(render(result))
    complaints = missed(result)
    for complaint in complaints:
        print(f"target missed: {complaint}")
    return 1 if complaints else 0


def _measured(measure: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
    """A part with its day and machine."""
    before = {"measured": time.strftime("%Y-%m-%d", time.gmtime()), "machine": loaded_machine()}
    return before | {"runs": measure()}


def _validated(workers: int, seconds: float) -> dict[str, Any]:
    load = round(os.getloadavg()[0], 2)
    return run(Plan(workers=workers, seconds=seconds)) | {"load_average": load}


if __name__ == "__main__":
    raise SystemExit(main())
