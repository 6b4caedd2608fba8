"""A plan of 4,000 models stays within its limits (2 s and 300 MiB; benchmarks/plan_review.json has the times)."""

from __future__ import annotations

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


def test_the_plans_of_the_benchmark_are_like_real_ones() -> None:
    _, unchanged, created = plan(2, 1)["resource_changes"]
    assert created["change"]["after_unknown"]["version_id"] is True
    assert unchanged["change"]["before"] == unchanged["change"]["after"]
    assert re.fullmatch(r"models/model-00000/1-[0-9a-f]{16}\.tar\.gz", unchanged["change"]["after"]["key"])
