"""A plan of 4,000 models stays within its limits (2 s and 300 MiB; benchmarks/plan_review.json has the times)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from benchmarks.plan_review import TARGET_MIB, TARGET_SECONDS, measure, plan, write_plan


def test_a_plan_of_4000_models(tmp_path: Path) -> None:
    path = tmp_path / "prod-models.json"
    write_plan(path, 4000, 4000)
    run = measure(path, "markdown")
    assert run["exit_code"] == 0
    assert run["output_bytes"] < 65_536
    assert run["peak_mib"] < TARGET_MIB
    # Processor time, and room for a machine that does something else at the same time.
    assert run["cpu_seconds"] < 2 * TARGET_SECONDS


def test_the_first_plan_after_4000_models_were_added(tmp_path: Path) -> None:
    """The real provider then lists every object as drifted: its tags are {} and were null."""
    document = plan(4000, 0)
    document["resource_drift"] = [
        item | {"change": item["change"] | {"actions": ["update"], "before": item["change"]["before"] | {"tags": {}}}}
        for item in document["resource_changes"][1:]
    ]
    path = tmp_path / "prod-models.json"
    path.write_text(json.dumps(document, indent=2))
    run = measure(path, "markdown")
    assert run["exit_code"] == 0
    assert run["peak_mib"] < TARGET_MIB
    assert run["cpu_seconds"] < 2 * TARGET_SECONDS


def test_the_plans_of_the_benchmark_are_like_real_ones() -> None:
    _, unchanged, created = plan(2, 1)["resource_changes"]
    assert created["change"]["after_unknown"]["version_id"] is True
    assert unchanged["change"]["before"] == unchanged["change"]["after"]
    assert re.fullmatch(r"models/model-00000/1-[0-9a-f]{16}\.tar\.gz", unchanged["change"]["after"]["key"])
